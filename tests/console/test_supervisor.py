"""The supervisor: notices deaths at once, restarts with back-off, stops in order."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import redis

from console.embedded import EmbeddedServers
from console.supervisor import (
    Backoff,
    ProcessSpec,
    ProcessStartFailed,
    ProcessState,
    ProcessStatus,
    Supervisor,
)
from tests.support.eventually import eventually
from tests.support.processes import assert_ends, helper, interrupt_group, is_running, said

HOLDER = "tests.support.hold_supervisor"
QUICK = Backoff(first_seconds=0.01, longest_seconds=0.04)
WAITS = "print('up', flush=True); import signal; signal.pause()"
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
print("up", flush=True)
while True: signal.pause()"""
FAILS = "print('port 8025 is taken', flush=True); raise SystemExit(3)"

MakeSpec = Callable[..., ProcessSpec]


class Deaths:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self.came = asyncio.Event()

    async def __call__(self, name: str, pid: int, exit_status: int) -> None:
        self.seen.append((name, pid, exit_status))
        self.came.set()


@pytest.fixture
def spec(tmp_path: Path) -> MakeSpec:
    """Makes the spec of a small Python program, ready as soon as its log has a line."""

    def make(name: str, code: str = WAITS, **options: object) -> ProcessSpec:
        log_path = tmp_path / f"{name}.log"

        async def has_said_something() -> bool:
            return log_path.stat().st_size > 0

        given: dict[str, object] = {"ready": has_said_something, **options}
        return ProcessSpec(
            name=name,
            argv=[sys.executable, "-I", "-S", "-c", code],
            env={"PATH": os.environ["PATH"]},
            log_path=log_path,
            **given,  # type: ignore[arg-type]
        )

    return make


@asynccontextmanager
async def supervised(
    *specs: ProcessSpec, deaths: Deaths | None = None, backoff: Backoff = QUICK
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(on_death=deaths, backoff=backoff)
    for each in specs:
        supervisor.add(each)
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def pid_of(supervisor: Supervisor, name: str) -> int:
    pid = next(status.pid for status in supervisor.statuses if status.name == name)
    assert pid is not None
    return pid


async def restarted(supervisor: Supervisor, restarts: int = 1) -> ProcessStatus:
    async def runs_again() -> ProcessStatus | None:
        status = supervisor.statuses[0]
        again = status.restarts >= restarts and status.state == ProcessState.RUNNING
        return status if again else None

    status = await eventually(runs_again)
    assert status is not None
    return status


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
        assert time.monotonic() - began < 0.5
        assert deaths.seen == [("worker", pid, -signal.SIGKILL)]
        status = await restarted(supervisor)
        assert status.restarts == 1
        assert status.pid not in {pid, None}
    assert len(deaths.seen) == 1, "the stop was reported as a death"


async def test_an_exit_by_itself_is_a_death_too(spec: MakeSpec) -> None:
    deaths = Deaths()
    code = "print('up', flush=True); import sys; sys.stdin.read(); raise SystemExit(0)"
    async with supervised(spec("worker", code, ready=None), deaths=deaths):
        await asyncio.wait_for(deaths.came.wait(), 10)
    assert deaths.seen[0][::2] == ("worker", 0)


async def test_pauses_between_restarts_double_up_to_the_longest(spec: MakeSpec) -> None:
    deaths, times = Deaths(), list[float]()

    async def note(name: str, pid: int, exit_status: int) -> None:
        times.append(time.monotonic())
        await deaths(name, pid, exit_status)

    supervisor = Supervisor(on_death=note, backoff=Backoff(first_seconds=0.05, longest_seconds=0.1))
    supervisor.add(spec("worker", "raise SystemExit(1)", ready=None))
    await supervisor.start()

    async def six_deaths() -> bool:
        return len(times) >= 6

    await eventually(six_deaths)
    await supervisor.stop()
    pauses = [later - sooner for sooner, later in pairwise(times[:6])]
    assert pauses[0] >= 0.05
    assert all(pause >= 0.1 for pause in pauses[1:])
    assert sum(pauses) < 0.05 + 0.1 + 0.2 + 0.4 + 0.8, "the longest pause was exceeded"


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
    supervisor.add(spec("bad", FAILS, ready=_never))
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
    supervisor.add(ProcessSpec(name="x", argv=argv, env={}, log_path=log_path, ready=_never))
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


async def test_processes_stop_in_reverse_order(spec: MakeSpec, tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = """
import signal, sys, time
def stop(*_):
    with open({order!r}, "a") as file: file.write({name!r})
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
signal.pause()"""
    names = ("a", "b", "c")
    specs = [spec(name, code.format(order=str(order), name=name)) for name in names]
    async with supervised(*specs):
        pass
    assert order.read_text() == "cba"


async def test_a_process_that_does_not_stop_is_killed_and_reported(spec: MakeSpec) -> None:
    deaths = Deaths()
    stubborn = spec("stubborn", STUBBORN, stop_timeout_seconds=0.1)
    async with supervised(stubborn, deaths=deaths) as supervisor:
        pid = pid_of(supervisor, "stubborn")
    assert not is_running(pid)
    assert deaths.seen == [("stubborn", pid, -signal.SIGKILL)]


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


async def test_a_stop_during_a_pause_takes_effect_at_once(spec: MakeSpec) -> None:
    deaths = Deaths()
    backoff = Backoff(first_seconds=3600, longest_seconds=3600)
    async with supervised(spec("worker"), deaths=deaths, backoff=backoff) as supervisor:
        os.kill(pid_of(supervisor, "worker"), signal.SIGKILL)
        await deaths.came.wait()
        assert supervisor.statuses[0].state == ProcessState.BACKING_OFF
        assert supervisor.statuses[0].pid is None
        await asyncio.wait_for(supervisor.stop(), 5)


async def test_a_stop_during_the_start_takes_effect_at_once(spec: MakeSpec) -> None:
    supervisor = Supervisor()
    supervisor.add(spec("slow", ready=_never))
    starting = asyncio.create_task(supervisor.start())

    async def has_started() -> int | None:
        return supervisor.statuses[0].pid

    pid = await eventually(has_started)
    supervisor.request_stop()
    await asyncio.wait_for(starting, 5)
    assert supervisor.is_stop_requested
    await supervisor.run_until_stopped()
    assert not is_running(pid or 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_the_first_signal_stops_in_order(spec: MakeSpec, number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)]
    deaths = Deaths()
    supervisor = Supervisor(on_death=deaths)
    supervisor.add(spec("worker"))
    await supervisor.start()
    pid = pid_of(supervisor, "worker")
    signal.raise_signal(number)
    await asyncio.wait_for(supervisor.run_until_stopped(), 5)
    assert not is_running(pid)
    assert deaths.seen == []
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)] == before


async def test_the_second_signal_kills(tmp_path: Path) -> None:
    log_path, argv = tmp_path / "log", [sys.executable, "-c", STUBBORN]

    async def was_asked() -> bool:
        return "no" in log_path.read_text()

    with helper(HOLDER, str(log_path), *argv, stderr=subprocess.DEVNULL) as holder:
        pid = said(holder)["pid"]
        interrupt_group(holder)
        await eventually(was_asked)
        assert is_running(pid), "it has a minute to stop"
        interrupt_group(holder)
        assert_ends(holder)
        assert holder.returncode == 0
    assert not is_running(pid)


async def test_processes_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", STUBBORN]
    with helper(HOLDER, str(tmp_path / "log"), *argv) as holder:
        pid = said(holder)["pid"]
        assert is_running(pid)
        holder.kill()

    async def is_gone() -> bool:
        return not is_running(pid)

    await eventually(is_gone)


async def test_a_watched_server_comes_back_under_its_url_and_outlives_the_watch(
    own_servers: EmbeddedServers,
) -> None:
    deaths = Deaths()
    supervisor = Supervisor(on_death=deaths, backoff=QUICK)
    for server in own_servers.running:
        supervisor.watch(server)
    await supervisor.start()
    assert {status.restarts for status in supervisor.statuses} == {0}
    killed = {server.pid for server in own_servers.running}
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    async def both_came_back() -> bool:
        states = {status.state for status in supervisor.statuses}
        fresh = not killed & {status.pid for status in supervisor.statuses}
        return fresh and states == {ProcessState.RUNNING}

    await eventually(both_came_back)
    assert {pid for _, pid, _ in deaths.seen} >= killed
    with redis.Redis.from_url(own_servers.redis_url) as client:
        assert client.ping()
    await supervisor.stop()
    supervisor.kill()
    for server in own_servers.running:
        assert is_running(server.pid)
        assert server.is_ready()


async def _never() -> bool:
    return False
