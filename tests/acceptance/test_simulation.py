"""Simulation against reality: the same touches, with the same due minutes, as a time-lapse."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

import cadences
from cadenza.language.loader import load_cadence
from console.demo.redirect import pretend_accounts
from console.enroll.table import read_rows
from console.simulate import SimulateOptions, simulate
from console.simulate.figures import Simulation
from tests.support.demo_runs import run_demo

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

ACCOUNTS = Path("console/demo/data/accounts.yaml")
DAYS = 12
ROWS = 90
SEED = 5

Key = tuple[str, str, int, str]


def minute(moment: str | datetime) -> str:
    """The minute of a moment."""
    text = moment if isinstance(moment, str) else moment.isoformat()
    return text[:16]


def told(path: Path, kind: str, when: str) -> set[Key]:
    """The rows of one kind that the demo wrote down."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        (row["prospect"], row["step"], row["visit"], minute(row[when]))
        for row in lines
        if row["kind"] == kind
    }


def simulated(folder: Path, report: Mapping[str, Any]) -> Simulation:
    """The same run in virtual time."""
    _, cadence = load_cadence(Path(cadences.__file__).parent / "ten-touch.yaml")
    return simulate(
        SimulateOptions(
            cadence=cadence,
            accounts=pretend_accounts(ACCOUNTS),
            rows=read_rows(folder / "prospects.csv"),
            start=date.fromisoformat(report["start"]),
            days=DAYS,
            seed=SEED,
        )
    )


async def test_simulated_touches_are_those_of_a_time_lapse_to_the_minute(tmp_path: Path) -> None:
    status, report, printed = await run_demo(
        tmp_path, "--days", str(DAYS), "--seed", str(SEED), rows=ROWS, timeout_seconds=380
    )
    assert status == 0, printed
    run = simulated(tmp_path, report)
    written = tmp_path / "demo" / "touches.jsonl"

    touches = {(t.enrollment, t.step, t.visit, minute(t.due_at)) for t in run.tally.touches}
    assert told(written, "touch", "due_at") == touches
    assert len(touches) > 300

    tasks = {(t.enrollment, t.step, t.visit, minute(t.opened_at)) for t in run.tally.tasks}
    assert told(written, "task", "opened_at") == tasks
