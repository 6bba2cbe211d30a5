"""The main job goes on when its processes are killed and Redis is wiped under it."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.demo_runs import DemoRun, run_demo

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

Fault = Callable[[DemoRun], None]

AUDITED = ("outside_window", "over_cap", "after_stop", "to_suppressed")
# What one worker can have in flight: connections of the relay's pool, and of the HTTP senders.
MOST_IN_FLIGHT = 24


def kill(name: str) -> Fault:
    return lambda run: run.kill(name)


# One a day, from a Monday on. Those who hold no touch while it leaves come first: what is unknown
# before a worker died is their doing. Few touches leave at the weekend.
HOLDING_NOTHING = (kill("scheduler"), kill("gateway"))
FAULTS = (*HOLDING_NOTHING, kill("worker"), DemoRun.flush_redis, kill("worker"),
          kill("scheduler"), kill("mailbox"))  # fmt: skip


def unknown_days(told: Path) -> Iterator[date]:
    """The day of each touch that nobody can say has arrived."""
    for line in told.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] == "touch" and row["status"] == "unknown":
            yield datetime.fromisoformat(row["due_at"]).date()


async def test_killed_processes_and_a_wiped_redis_lose_nothing_and_repeat_nothing(
    tmp_path: Path,
) -> None:
    """And only a worker's death leaves touches unknown."""
    status, report, printed = await run_demo(
        tmp_path,
        "--days",
        str(len(FAULTS) + 1),
        "--step-minutes",
        "30",
        rows=120,
        faults=FAULTS,
        timeout_seconds=380,
    )
    assert status == 0, printed
    assert report["witness"]["lost"] == 0
    assert report["witness"]["duplicates"] == 0
    assert report["witness"]["unknown"] <= 2 * MOST_IN_FLIGHT
    assert {name: report["audit"][name] for name in AUDITED} == dict.fromkeys(AUDITED, 0)
    assert report["touches"]["sent"] > 240
    assert report["rejected_rows"] == 2

    first_death = date.fromisoformat(report["start"]) + timedelta(days=len(HOLDING_NOTHING))
    early = [d for d in unknown_days(tmp_path / "demo" / "touches.jsonl") if d < first_death]
    assert early == []
