"""The supervisor: stops in order, by signals too, and takes everything along when it dies."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from console.embedded import EmbeddedServers
from console.supervisor import (
    Backoff,
    ProcessState,
    Supervisor,
)
from tests.support.eventually import eventually, in_time
from tests.support.processes import assert_ends, helper, interrupt_group, is_running, said
from tests.support.supervised import (
    QUICK,
    STUBBORN,
    Deaths,
    MakeSpec,
    never,
    pid_of,
    supervised,
)

HOLDER = "tests.support.hold_supervisor"


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


async def test_a_stop_during_a_pause_takes_effect_at_once(spec: MakeSpec) -> None:
    deaths = Deaths()
    backoff = Backoff(first_seconds=3600, longest_seconds=3600)
    async with supervised(spec("worker"), deaths=deaths, backoff=backoff) as supervisor:
        os.kill(pid_of(supervisor, "worker"), signal.SIGKILL)
        await deaths.came.wait()
        assert supervisor.statuses[0].state == ProcessState.BACKING_OFF
        assert supervisor.statuses[0].pid is None
        async with in_time():
            await supervisor.stop()


async def test_a_stop_during_the_start_takes_effect_at_once(spec: MakeSpec) -> None:
    supervisor = Supervisor()
    supervisor.add(spec("slow", ready=never))
    starting = asyncio.create_task(supervisor.start())

    async def has_started() -> int | None:
        return supervisor.statuses[0].pid

    pid = await eventually(has_started)
    supervisor.request_stop()
    async with in_time():
        await starting
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
    async with in_time():
        await supervisor.run_until_stopped()
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
