"""The supervisor: starts, notices deaths at once, restarts with back-off."""

import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from console.supervisor import (
    Backoff,
    ProcessSpec,
    ProcessStartFailed,
    ProcessState,
    Supervisor,
)
from tests.support.eventually import eventually, in_time
from tests.support.processes import is_running
from tests.support.supervised import (
    FAILS,
    QUICK,
    WAITS,
    Deaths,
    MakeSpec,
    never,
    pid_of,
    restarted,
    supervised,
)


async def test_start_returns_when_every_process_is_ready(spec: MakeSpec) -> None:
    async with supervised(spec("one"), spec("two")) as supervisor:
        assert [status.state for status in supervisor.statuses] == [ProcessState.RUNNING] * 2
        assert [status.restarts for status in supervisor.statuses] == [0, 0]
        pids = [pid_of(supervisor, name) for name in ("one", "two")]
        assert all(map(is_running, pids))
    assert not any(map(is_running, pids))
    assert [(status.pid, status.state) for status in supervisor.statuses] == [
        (None, ProcessState.STOPPED)
    ] * 2


async def test_processes_added_later_start_at_the_next_start(spec: MakeSpec) -> None:
    async with supervised(spec("one")) as supervisor:
        before = pid_of(supervisor, "one")
        supervisor.add(spec("two"))
        await supervisor.start()
        assert pid_of(supervisor, "one") == before
        assert is_running(pid_of(supervisor, "two"))


def test_two_processes_of_one_name_are_refused(spec: MakeSpec) -> None:
    supervisor = Supervisor()
    supervisor.add(spec("one"))
    with pytest.raises(ValueError, match="'one'"):
        supervisor.add(spec("one"))


async def test_a_death_is_reported_at_once_and_the_process_started_again(spec: MakeSpec) -> None:
    deaths = Deaths()
    async with supervised(spec("worker"), deaths=deaths, backoff=Backoff()) as supervisor:
        pid = pid_of(supervisor, "worker")
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        await deaths.came.wait()
        assert time.monotonic() - began < 2
        assert deaths.seen == [("worker", pid, -signal.SIGKILL)]
        status = await restarted(supervisor)
        assert status.restarts == 1
        assert status.pid not in {pid, None}
    assert len(deaths.seen) == 1, "the stop was reported as a death"


async def test_an_exit_by_itself_is_a_death_too(spec: MakeSpec) -> None:
    deaths = Deaths()
    code = "print('up', flush=True); import sys; sys.stdin.read(); raise SystemExit(0)"
    async with supervised(spec("worker", code, ready=None), deaths=deaths), in_time():
        await deaths.came.wait()
    assert deaths.seen[0][::2] == ("worker", 0)


async def test_pauses_between_restarts_double_up_to_the_longest(spec: MakeSpec) -> None:
    deaths, times = Deaths(), list[float]()

    async def note(name: str, pid: int, exit_status: int) -> None:
        times.append(time.monotonic())
        await deaths(name, pid, exit_status)

    supervisor = Supervisor(on_death=note, backoff=Backoff(first_seconds=0.05, longest_seconds=0.1))
    supervisor.add(spec("worker", "raise SystemExit(1)", ready=None))
    await supervisor.start()

    async def eight_deaths() -> bool:
        return len(times) >= 8

    await eventually(eight_deaths)
    await supervisor.stop()
    pauses = [later - sooner for sooner, later in pairwise(times[:8])]
    assert pauses[0] >= 0.05
    assert all(pause >= 0.1 for pause in pauses[1:])
    assert sum(pauses) < 0.05 * (2**7 - 1), "the longest pause was exceeded"


async def test_pauses_begin_anew_after_a_healthy_life(spec: MakeSpec) -> None:
    backoff = Backoff(first_seconds=0.01, longest_seconds=60, healthy_after_seconds=0)
    async with supervised(spec("worker"), backoff=backoff) as supervisor:
        # Without a new beginning, the pauses of 13 deaths would add up to 80 s.
        for number in range(13):
            os.kill(pid_of(supervisor, "worker"), signal.SIGKILL)
            await restarted(supervisor, number + 1)


async def test_a_process_that_ends_by_itself_at_its_start_stops_all(spec: MakeSpec) -> None:
    good = spec("good")
    supervisor = Supervisor(backoff=QUICK)
    supervisor.add(good)
    supervisor.add(spec("bad", FAILS, ready=never))
    with pytest.raises(ProcessStartFailed, match=r"bad ended at its start with status 3") as caught:
        await supervisor.start()
    assert "port 8025 is taken" in str(caught.value)
    assert str(caught.value.log_path) in str(caught.value)
    assert {status.state for status in supervisor.statuses} == {ProcessState.STOPPED}


async def test_a_process_that_is_not_ready_in_time_stops_all(spec: MakeSpec) -> None:
    async def refused() -> bool:
        raise ConnectionRefusedError("nobody listens on 8025")

    deaths = Deaths()
    supervisor = Supervisor(on_death=deaths, backoff=QUICK)
    supervisor.add(spec("slow", ready=refused, ready_timeout_seconds=0.2))
    with pytest.raises(ProcessStartFailed, match=r"not ready after 0.2 s \(nobody listens on 8025"):
        await supervisor.start()
    assert not is_running(deaths.seen[0][1])


async def test_a_program_that_is_not_there_is_named(spec: MakeSpec, tmp_path: Path) -> None:
    supervisor = Supervisor()
    log_path = tmp_path / "log"
    argv = [str(tmp_path / "nowhere")]
    supervisor.add(ProcessSpec(name="x", argv=argv, env={}, log_path=log_path, ready=never))
    with pytest.raises(ProcessStartFailed, match="nowhere"):
        await supervisor.start()


async def test_a_process_killed_before_it_was_ready_is_started_again(
    spec: MakeSpec, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    code = f"""
import os, pathlib, signal
once = pathlib.Path({str(once)!r})
if not once.exists():
    once.touch()
    os.kill(os.getpid(), signal.SIGKILL)
{WAITS}"""
    async with supervised(spec("worker", code)) as supervisor:
        assert supervisor.statuses[0].restarts == 1


async def test_what_a_dead_process_started_dies_with_it(spec: MakeSpec) -> None:
    code = """
import os, signal
if os.fork() == 0:
    print(os.getpid(), flush=True)
signal.pause()"""
    parent = spec("parent", code)
    async with supervised(parent) as supervisor:
        grandchild = int(parent.log_path.read_text())
        os.kill(pid_of(supervisor, "parent"), signal.SIGKILL)
        await restarted(supervisor)

        async def is_gone() -> bool:
            return not is_running(grandchild)

        await eventually(is_gone)


async def test_an_error_in_the_callers_callback_does_not_end_supervision(spec: MakeSpec) -> None:
    async def fails(_name: str, _pid: int, _exit_status: int) -> None:
        raise ConnectionError("the database is away")

    supervisor = Supervisor(on_death=fails, backoff=QUICK)
    supervisor.add(spec("worker"))
    await supervisor.start()
    os.kill(pid_of(supervisor, "worker"), signal.SIGKILL)
    await restarted(supervisor)
    await supervisor.stop()
