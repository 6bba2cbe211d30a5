"""The embedded PostgreSQL and Valkey: settings, data, sockets, one user per folder."""

import os
import tempfile
import time
from pathlib import Path

import asyncpg
import pytest

from console.embedded import (
    DataDirInUse,
    EmbeddedServers,
    PostgresServer,
    ValkeyServer,
    embedded_servers,
)
from tests.support.processes import (
    helper,
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


async def test_data_is_kept_from_one_start_to_the_next(data_dir: Path) -> None:
    with embedded_servers(data_dir) as servers:
        await ask(
            servers.database_url,
            "DROP TABLE IF EXISTS kept",
            "CREATE TABLE kept AS SELECT 42 AS answer",
            "SELECT 1",
        )
        ask_valkey(servers.redis_url, "SET", "kept", "42")
    with embedded_servers(data_dir) as servers:
        assert await ask(servers.database_url, "SELECT answer FROM kept") == 42
        assert ask_valkey(servers.redis_url, "GET", "kept") == "42"
    assert_no_recovery(data_dir)


async def test_production_settings_are_durable_and_private(data_dir: Path) -> None:
    with embedded_servers(data_dir) as servers:
        expected = {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
            "TimeZone": "UTC",
            "server_encoding": "UTF8",
            "max_connections": "200",
        }
        url = servers.database_url
        assert {name: await ask(url, f"SHOW {name}") for name in expected} == expected
        config = ask_valkey(
            servers.redis_url, "CONFIG", "GET", "append*", "port", "maxmemory-policy", "save"
        )
        assert config["appendonly"] == "yes"
        assert config["appendfsync"] == "everysec"
        assert config["port"] == "0"
        assert config["maxmemory-policy"] == "noeviction"
        assert config["save"] == ""


async def test_test_settings_trade_durability_for_speed(servers: EmbeddedServers) -> None:
    for name in ("fsync", "full_page_writes"):
        assert await ask(servers.database_url, f"SHOW {name}") == "off"
    # A killed server keeps what it committed, as tests of kills need it.
    assert await ask(servers.database_url, "SHOW synchronous_commit") == "on"


async def test_letters_of_every_language_have_their_case_and_sort_by_code_point(
    servers: EmbeddedServers,
) -> None:
    assert await ask(servers.database_url, "SELECT upper('éλж')") == "ÉΛЖ"
    assert await ask(servers.database_url, "SELECT 'a' > 'Z'")


async def test_errors_in_the_log_do_not_show_peoples_data(own_servers: EmbeddedServers) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(
            own_servers.database_url,
            "CREATE TABLE people (email text PRIMARY KEY)",
            "INSERT INTO people VALUES ('ana@example.org'), ('ana@example.org')",
        )
    assert own_servers.postgres is not None
    log = own_servers.postgres.log_path.read_text()
    assert "duplicate key" in log
    assert "example.org" not in log


def test_sockets_are_short_and_private_however_long_the_data_folder_is(tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path / ("x" * 100) / ("y" * 100), durable=False)
    server.start()
    try:
        socket = Path(server.url.removeprefix("unix://"))
        assert socket.is_socket()
        assert len(os.fsencode(socket)) < 104
        assert socket.parent.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()


def test_a_temporary_folder_that_is_too_long_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    server = ValkeyServer(tmp_path, durable=False)
    server.start()
    server.stop()
    assert not list(long.iterdir())


def test_nothing_but_data_and_logs_remains_after_a_stop(data_dir: Path, short_tmp: Path) -> None:
    with embedded_servers(data_dir, durable=False) as servers:
        folders = list(short_tmp.iterdir())
        assert set(folders) == set(socket_dirs(servers))
        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]
        assert {server.pid for server in servers.running} <= set(processes_in(data_dir))
    assert not processes_in(data_dir)
    assert not list(short_tmp.iterdir())
    assert {path.name for path in data_dir.iterdir()} == {
        *("postgres", "postgres.lock", "postgres.log"),
        *("valkey", "valkey.lock", "valkey.log"),
    }


async def test_two_pairs_live_side_by_side(servers: EmbeddedServers, data_dir: Path) -> None:
    with embedded_servers(data_dir, durable=False) as others:
        assert not set(socket_dirs(servers)) & set(socket_dirs(others))
        ask_valkey(others.redis_url, "SET", "here", "others")
        assert ask_valkey(f"{servers.redis_url}?db=0", "GET", "here") is None
        folder = await ask(others.database_url, "SELECT pg_postmaster_start_time()")
        assert folder != await ask(servers.database_url, "SELECT pg_postmaster_start_time()")


def test_a_server_that_runs_elsewhere_is_not_started(tmp_path: Path) -> None:
    elsewhere = "postgresql+asyncpg://db.example.org/cadenza"
    with embedded_servers(tmp_path, durable=False, database_url=elsewhere) as servers:
        assert servers.database_url == elsewhere
        assert servers.postgres is None
        assert ask_valkey(servers.redis_url, "PING")
        assert not (tmp_path / "postgres").exists()


def test_a_second_start_on_the_same_data_is_refused_with_the_holders_number(data_dir: Path) -> None:
    with helper(HOLDER, str(data_dir)) as holder:
        said(holder)
        began = time.monotonic()
        with pytest.raises(DataDirInUse, match=f"in use by process {holder.pid}") as caught:
            PostgresServer(data_dir).start()
        assert caught.value.pid == holder.pid
        with pytest.raises(DataDirInUse, match=f"in use by process {holder.pid}"):
            ValkeyServer(data_dir).start()
        assert time.monotonic() - began < 10


def test_a_second_start_within_one_process_is_refused_too(tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path, durable=False)
    server.start()
    try:
        with pytest.raises(DataDirInUse, match=f"in use by process {os.getpid()}"):
            ValkeyServer(tmp_path).start()
        assert server.is_ready()
    finally:
        server.stop()
