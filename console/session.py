"""What commands work in: the settings of this shell, and everything that they lead to."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NoReturn, TypeVar

import typer
from asyncpg.exceptions import PostgresError
from redis.exceptions import RedisError
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from cadenza.errors import CadenzaError, ConfigurationError
from cadenza.settings import Settings
from console.processes.common import Parts, open_parts

T = TypeVar("T")

DATABASE_AWAY = (OSError, DBAPIError, PostgresError)
"""What is raised when the database cannot be reached, or turns us away."""

_POOL_SIZE = 2


@asynccontextmanager
async def session() -> AsyncIterator[Parts]:
    """Database, accounts, catalog, course, clock and links, as `CADENZA_…` says.

    Raises ConfigurationError when a setting is wrong, the database cannot
    be reached, or its schema is not that of this version.
    """
    async with AsyncExitStack() as stack:
        try:
            parts = await stack.enter_async_context(
                open_parts(Settings.load(), pool_size=_POOL_SIZE)
            )
        except DATABASE_AWAY as error:
            raise no_database(error) from error
        yield parts


def no_database(error: Exception) -> ConfigurationError:
    """What one of DATABASE_AWAY means to a person."""
    return ConfigurationError(
        f"cannot reach the database ({_briefly(error)}): is it up, and is "
        "CADENZA_DATABASE_URL right?"
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command; what goes wrong on purpose becomes clear lines and exit status 1."""
    try:
        return asyncio.run(work)
    except CadenzaError as error:
        refuse(str(error))
    except RedisError as error:
        refuse(f"cannot reach Redis ({_briefly(error)}): is it up, and is CADENZA_REDIS_URL right?")


def refuse(message: str) -> NoReturn:
    """Say on standard error why nothing was done, and end with status 1."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]error:[/] {_escaped(message)}")
    raise typer.Exit(1)


def warn(messages: Iterable[object]) -> None:
    """Say on standard error what somebody ought to look at, a line each."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for message in messages:
        console.print(f"[bold yellow]warning:[/] {_escaped(str(message))}")


def _escaped(message: str) -> str:
    return message.replace("[", "\\[")


def _briefly(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return str(cause).strip().splitlines()[0][:200] if str(cause).strip() else type(cause).__name__
