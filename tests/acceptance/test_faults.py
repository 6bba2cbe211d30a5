"""The main job goes on when its processes are killed and Redis is wiped under it."""

from pathlib import Path

import pytest

from tests.support.demo_runs import DemoRun, run_demo

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(200)]

AUDITED = ("outside_window", "over_cap", "after_stop", "to_suppressed")
# What one worker can have in flight: connections of the relay's pool, and of the HTTP senders.
MOST_IN_FLIGHT = 24


def flush(run: DemoRun) -> None:
    run.flush_redis()


def kill(name: str) -> "object":
    return lambda run: run.kill(name)


async def test_killed_processes_and_a_wiped_redis_lose_nothing_and_repeat_nothing(
    tmp_path: Path,
) -> None:
    faults = [kill("worker"), flush, kill("gateway"), kill("worker"), kill("scheduler"),
              kill("mailbox")]  # fmt: skip
    status, report, printed = await run_demo(
        tmp_path,
        "--days",
        "8",
        "--step-minutes",
        "30",
        rows=200,
        faults=faults,  # type: ignore[arg-type]
    )
    assert status == 0, printed
    assert report["witness"]["lost"] == 0
    assert report["witness"]["duplicates"] == 0
    assert report["witness"]["unknown"] <= 2 * MOST_IN_FLIGHT
    assert {name: report["audit"][name] for name in AUDITED} == dict.fromkeys(AUDITED, 0)
    assert report["touches"]["sent"] > 400
    assert report["rejected_rows"] == 4


async def test_a_killed_scheduler_and_gateway_leave_nothing_unknown(tmp_path: Path) -> None:
    faults = [kill("scheduler"), kill("gateway"), kill("scheduler")]
    status, report, printed = await run_demo(
        tmp_path,
        "--days",
        "5",
        "--step-minutes",
        "30",
        rows=100,
        faults=faults,  # type: ignore[arg-type]
    )
    assert status == 0, printed
    witness = report["witness"]
    assert (witness["lost"], witness["duplicates"], witness["unknown"]) == (0, 0, 0)
