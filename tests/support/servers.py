"""Ask the embedded servers something, and look at what they wrote."""

from pathlib import Path
from typing import Any

import asyncpg
import redis
from sqlalchemy.engine import make_url

from console.embedded import (
    EmbeddedServers,
)

_RECOVERY = ("not properly shut down", "was interrupted", "automatic recovery")


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
    assert not [line for line in log.splitlines() if any(words in line for words in _RECOVERY)]
