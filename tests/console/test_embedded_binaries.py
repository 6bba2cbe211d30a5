"""Where the programs of the embedded servers are found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cadenza.errors import ConfigurationError
from console.embedded import (
    PostgresServer,
    binaries,
)
from tests.support.servers import (
    ask,
)


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
