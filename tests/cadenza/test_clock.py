"""Schedule time in a time-lapse: it jumps, it stands, it runs on, and it never goes back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cadenza.clock import OffsetClock, WallClock, open_clock

HOUR = timedelta(hours=1)


def test_every_process_sees_the_moment_at_which_time_stands(tmp_path: Path) -> None:
    conductor, worker = OffsetClock(tmp_path / "clock"), OffsetClock(tmp_path / "clock")
    moment = datetime.now(UTC).replace(microsecond=0) + HOUR
    conductor.stand_at(moment)
    assert {worker.now() for _ in range(1000)} == {moment}
    assert worker.running() >= moment
    conductor.stand_at(moment - timedelta(minutes=30))
    assert worker.now() == moment


def test_time_runs_on_from_where_it_stood(tmp_path: Path) -> None:
    clock = OffsetClock(tmp_path / "clock")
    moment = datetime.now(UTC) + HOUR
    clock.stand_at(moment)
    clock.run_on()
    assert timedelta() < clock.now() - moment < HOUR
    assert clock.now() <= clock.now()


async def test_who_sleeps_while_time_stands_wakes_when_it_jumps_or_patience_ends(
    tmp_path: Path,
) -> None:
    clock = OffsetClock(tmp_path / "clock")
    moment = datetime.now(UTC) + HOUR
    clock.stand_at(moment)
    began = clock.monotonic()
    await clock.sleep_until(moment + HOUR, at_most_seconds=0.01)
    assert 0.01 <= clock.monotonic() - began < 5


def test_without_a_file_schedule_time_is_wall_time() -> None:
    clock = open_clock(None)
    assert isinstance(clock, WallClock)
    assert abs(clock.now() - clock.wall()) < timedelta(seconds=5)
    assert abs(clock.running() - clock.wall()) < timedelta(seconds=5)
