"""Real servers for every test: one PostgreSQL and one Valkey per session."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from console.embedded import EmbeddedServers, embedded_servers
from console.embedded.postgres import DATABASE
from tests.support.databases import Databases
from tests.support.folders import quick_folder

# The same examples in every run, so that a run that fails has met a change and not its luck.
# `CADENZA_EXPLORE=1 make test` draws others.
settings.register_profile("steady", derandomize=True)
if "CADENZA_EXPLORE" not in os.environ:
    settings.load_profile("steady")

_VALKEY_DATABASES = 16
_valkey_numbers = itertools.count()


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    """The servers that all tests share. Not for killing: see `own_servers`."""
    with quick_folder() as folder, embedded_servers(folder, durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def spare_data_dir() -> Iterator[Path]:
    """The data folder of the servers that tests may kill; made once, since that takes longest."""
    with quick_folder() as folder:
        with embedded_servers(folder, durable=False):
            pass
        yield folder


@pytest.fixture
def data_dir(spare_data_dir: Path) -> Path:
    """A data folder that no server uses now, with empty logs. Leave it fit for the next test."""
    for log in spare_data_dir.glob("*.log"):
        log.unlink()
    return spare_data_dir


@pytest.fixture
def own_servers(data_dir: Path) -> Iterator[EmbeddedServers]:
    """Servers of this test alone, empty and without a schema, which it may kill and restart."""
    with embedded_servers(data_dir, durable=False) as running:
        with Databases(running.database_url) as made:
            made.recreate(DATABASE)
        with redis.Redis.from_url(running.redis_url) as client:
            client.flushall()
        yield running
        # Who killed one leaves data behind that the next start would have to recover.
        for server in running.running:
            if server.process.poll() is not None:
                server.restart()


@pytest.fixture(scope="session")
def databases(servers: EmbeddedServers) -> Iterator[Databases]:
    with Databases(servers.database_url) as made:
        yield made


@pytest.fixture(scope="session")
def template_database(databases: Databases) -> str:
    """The name of a database with the newest schema, to clone."""
    from cadenza.storage.migrations import upgrade

    return databases.make_template(upgrade)


@pytest.fixture
def database_url(databases: Databases, template_database: str) -> Iterator[str]:
    """A database of this test alone, with the newest schema and no rows; for SQLAlchemy."""
    name = databases.clone(template_database)
    yield databases.url_of(name)
    databases.drop(name)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """A database of this test alone, without any schema."""
    name = databases.clone()
    yield databases.url_of(name)
    databases.drop(name)


@pytest.fixture
def redis_url(servers: EmbeddedServers) -> str:
    """An empty Valkey database; one of 16, in turn, so an earlier test's stragglers meet others."""
    url = f"{servers.redis_url}?db={next(_valkey_numbers) % _VALKEY_DATABASES}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url
