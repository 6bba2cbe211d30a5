"""Connections and transactions.

SQLAlchemy keeps the pool; statements run on asyncpg's own connection
inside it, because the hot path is made of few, wide statements over
arrays, and going around the ORM's adapter halves what each of them costs
in Python (docs/adr/0002).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Protocol, Self, cast

from asyncpg.exceptions import (
    InsufficientResourcesError,
    InterfaceError,
    InternalClientError,
    OperatorInterventionError,
    PostgresConnectionError,
    TransactionRollbackError,
)
from sqlalchemy import event, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cadenza.errors import ConfigurationError

Row = Mapping[str, Any]

_PASSING = (
    OSError,
    PostgresConnectionError,
    OperatorInterventionError,
    InsufficientResourcesError,
    TransactionRollbackError,
    InterfaceError,
    # The server has said that it goes, and has not hung up yet.
    InternalClientError,
    PoolTimeoutError,
)


class Connection(Protocol):
    """What of asyncpg's connection the storage uses: `$1` parameters, rows as mappings."""

    async def fetch(self, query: str, *args: object) -> Sequence[Row]:
        """All rows; jsonb comes as Python values, and goes in as JSON text."""
        ...

    async def fetchrow(self, query: str, *args: object) -> Row | None:
        """The first row."""
        ...

    async def fetchval(self, query: str, *args: object) -> Any:
        """The first column of the first row."""
        ...

    async def execute(self, query: str, *args: object) -> str:
        """The command tag, e.g. `UPDATE 3`."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """A transaction, or a savepoint inside one."""
        ...


class Database:
    """A pool of connections to the one PostgreSQL.

    url: `postgresql://user:password@host/name`, sockets as `?host=/directory`.
    durable: False for what a crash of PostgreSQL loses anyway: commits then
    do not wait for the disk.
    """

    def __init__(self, url: str, *, pool_size: int = 8, durable: bool = True) -> None:
        try:
            parsed = make_url(url)
        except Exception as error:
            raise ConfigurationError(
                "CADENZA_DATABASE_URL is not a URL: write postgresql://user:password@host/name"
            ) from error
        if parsed.get_backend_name() != "postgresql":
            raise ConfigurationError(
                f"CADENZA_DATABASE_URL names {parsed.get_backend_name()}; Cadenza needs postgresql"
            )
        self.engine: AsyncEngine = create_async_engine(
            parsed.set(drivername="postgresql+asyncpg"),
            # None beyond these: one that is opened for a moment costs more than its work.
            pool_size=2 * pool_size,
            max_overflow=0,
            isolation_level="AUTOCOMMIT",
            connect_args={} if durable else {"server_settings": {"synchronous_commit": "off"}},
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_dead)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection on which every statement commits by itself."""
        async with self.engine.connect() as pooled:
            driver: Any = (await pooled.get_raw_connection()).driver_connection
            whole = False
            try:
                yield cast(Connection, driver)
                whole = True
            except Exception:
                whole = True
                raise
            finally:
                # Who was cancelled may have left a statement on its way. Back in the pool
                # with a transaction open, it would swallow what others commit on it.
                if not whole or driver.is_closed() or driver.is_in_transaction():
                    await pooled.invalidate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction: committed at the end, rolled back on an error."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A connection whose statements all see one and the same moment, and cannot write."""
        async with self.transaction() as connection:
            await connection.execute("set transaction isolation level repeatable read, read only")
            yield connection


def is_passing(error: Exception) -> bool:
    """Whether the same statements may succeed later.

    The server is away, starts, stops or is full, or two transactions stood
    in each other's way. False for what they say that no server will take.
    """
    return isinstance(error, _PASSING)


def _refuse_dead(driver: Any, *_: object) -> None:
    """A restart of the server kills all connections of the pool: none of them is handed out."""
    if driver.driver_connection.is_closed():
        raise InvalidatePoolError
