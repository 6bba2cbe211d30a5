"""What hinders the embedded servers, and how that is said."""

import os
import subprocess
from pathlib import Path

import pytest

from cadenza.errors import ConfigurationError
from console.embedded import (
    PostgresServer,
    ServerStartFailed,
)
from console.embedded.account import account_for_postgres
from tests.support.processes import (
    processes_in,
)
from tests.support.servers import (
    socket_folder,
)


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
