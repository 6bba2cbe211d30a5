"""The embedded pair: PostgreSQL and Valkey, side by side."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.embedded.postgres import PostgresServer
from console.embedded.server import EmbeddedServer
from console.embedded.valkey import ValkeyServer


@dataclass(frozen=True, kw_only=True)
class EmbeddedServers:
    """Where the servers of a deployment are.

    database_url: for SQLAlchemy, such as
    `postgresql+asyncpg:///cadenza?host=/tmp/…&port=5432&user=cadenza`.
    redis_url: for redis-py, such as `unix:///tmp/…/valkey.sock`.
    postgres, valkey: the servers themselves, to watch, kill and restart
    them; None for one that runs elsewhere.
    """

    database_url: str
    redis_url: str
    postgres: PostgresServer | None
    valkey: ValkeyServer | None

    @property
    def running(self) -> tuple[EmbeddedServer, ...]:
        """Those that are ours."""
        return tuple(server for server in (self.postgres, self.valkey) if server is not None)


@contextmanager
def embedded_servers(
    data_dir: Path,
    *,
    durable: bool = True,
    database_url: str | None = None,
    redis_url: str | None = None,
) -> Iterator[EmbeddedServers]:
    """Run PostgreSQL and Valkey on `data_dir` inside the block; nothing but data remains after it.

    data_dir: made if absent; holds `postgres/`, `valkey/`, a log and a
    lock of each. durable: False for tests, see `EmbeddedServer`.
    database_url, redis_url: where one of them runs already; it is not
    started then.

    Both end with this process, however that dies. Call it from the main thread.
    Raises DataDirInUse at once when another process uses the data,
    ServerStartFailed, and ConfigurationError when a server's programs are missing.
    """
    postgres = PostgresServer(data_dir, durable=durable) if not database_url else None
    valkey = ValkeyServer(data_dir, durable=durable) if not redis_url else None
    with ExitStack() as stack:
        # Valkey first: it starts while PostgreSQL prepares its data in the foreground.
        for server in filter(None, (valkey, postgres)):
            stack.callback(server.stop)
            server.launch()
        for server in filter(None, (valkey, postgres)):
            server.wait_until_ready()
        yield EmbeddedServers(
            database_url=_where(postgres, database_url),
            redis_url=_where(valkey, redis_url),
            postgres=postgres,
            valkey=valkey,
        )


def _where(server: EmbeddedServer | None, elsewhere: str | None) -> str:
    return server.url if server is not None else elsewhere or ""
