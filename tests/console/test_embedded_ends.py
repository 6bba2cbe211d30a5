"""What is left when we, or somebody else, end the embedded servers."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from console.embedded import (
    EmbeddedServers,
    ValkeyServer,
    embedded_servers,
)
from tests.support.eventually import eventually
from tests.support.processes import (
    assert_ends,
    helper,
    interrupt_group,
    processes_in,
    said,
)
from tests.support.servers import (
    ask,
    ask_valkey,
    assert_no_recovery,
    socket_dirs,
)

HOLDER = "tests.support.hold_servers"


def test_a_killed_parent_leaves_no_process_and_no_recovery(data_dir: Path, short_tmp: Path) -> None:
    with helper(HOLDER, str(data_dir)) as holder:
        said(holder)
        holder.kill()
        holder.wait()

    async def all_gone() -> bool:
        return not processes_in(data_dir)

    asyncio.run(eventually(all_gone))
    with embedded_servers(data_dir) as servers:
        assert set(socket_dirs(servers)) == set(short_tmp.iterdir()), "stale folders remain"
    assert_no_recovery(data_dir)


def test_a_start_right_after_the_parent_was_killed_waits_for_its_servers(data_dir: Path) -> None:
    with helper(HOLDER, str(data_dir)) as holder:
        said(holder)
        holder.kill()
        holder.wait()
        with embedded_servers(data_dir):
            pass
    assert_no_recovery(data_dir)


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_leaves_nothing_and_needs_no_recovery(
    data_dir: Path, short_tmp: Path, times: int
) -> None:
    with helper(HOLDER, str(data_dir), stderr=subprocess.DEVNULL) as holder:
        said(holder)
        for _ in range(times):
            interrupt_group(holder)
        assert_ends(holder)
    assert not processes_in(data_dir)
    assert not list(short_tmp.iterdir())
    with embedded_servers(data_dir):
        pass
    assert_no_recovery(data_dir)


def test_a_ctrl_c_in_the_terminal_reaches_servers_only_through_us(
    own_servers: EmbeddedServers,
) -> None:
    for server in own_servers.running:
        assert os.getsid(server.pid) == server.pid


def test_an_interrupt_while_stopping_takes_effect_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ValkeyServer(tmp_path, durable=False)
    server.start()
    pid, clean_up = server.pid, server._clean_up
    interrupts = [KeyboardInterrupt()]

    def interrupted() -> None:
        if interrupts:
            raise interrupts.pop()
        clean_up()

    monkeypatch.setattr(server, "_clean_up", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.stop()
    assert not Path(f"/proc/{pid}").exists()
    # The lock and the sockets were given back, too.
    server.start()
    server.stop()


async def test_postgres_recovers_after_a_kill_under_the_same_url(
    own_servers: EmbeddedServers,
) -> None:
    url = own_servers.database_url
    await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer", "SELECT 1")
    assert own_servers.postgres is not None
    own_servers.postgres.kill()
    with pytest.raises(OSError, match=r"PGSQL|refused"):
        await ask(url, "SELECT 1")
    own_servers.postgres.restart()
    assert await ask(url, "SELECT answer FROM kept") == 42


async def test_postgres_restarts_when_another_hand_killed_it_in_mid_query(
    own_servers: EmbeddedServers,
) -> None:
    postgres = own_servers.postgres
    assert postgres is not None
    sleeper = asyncio.create_task(ask(own_servers.database_url, "SELECT pg_sleep(60)"))

    async def sleeps() -> Any:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        return await ask(own_servers.database_url, query)

    await eventually(sleeps)
    os.kill(postgres.pid, signal.SIGKILL)
    with pytest.raises((OSError, asyncpg.exceptions.PostgresError)):
        await sleeper
    postgres.restart()
    assert await ask(own_servers.database_url, "SELECT 1") == 1


def test_valkey_keeps_its_keys_over_a_kill(own_servers: EmbeddedServers) -> None:
    assert own_servers.valkey is not None
    ask_valkey(own_servers.redis_url, "SET", "kept", "42")
    own_servers.valkey.kill()
    with pytest.raises(redis.ConnectionError):
        ask_valkey(own_servers.redis_url, "PING")
    own_servers.valkey.restart()
    assert ask_valkey(own_servers.redis_url, "GET", "kept") == "42"


async def test_restarts_while_running_stop_in_order_first(own_servers: EmbeddedServers) -> None:
    for server in own_servers.running:
        before = server.pid
        server.restart()
        assert server.pid != before
    assert await ask(own_servers.database_url, "SELECT 1") == 1
    assert own_servers.postgres is not None
    assert_no_recovery(own_servers.postgres.data_dir)
