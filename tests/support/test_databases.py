"""The database and the Valkey that each test gets."""

from typing import Any

import asyncpg
import pytest
import redis
from sqlalchemy.engine import make_url

from tests.support.eventually import eventually


async def tables(url: str) -> list[str]:
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection: Any = await asyncpg.connect(dsn)  # type: ignore[no-untyped-call]
    try:
        rows = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        await connection.execute("CREATE TABLE left_behind ()")
    finally:
        await connection.close()
    return [row["tablename"] for row in rows]


@pytest.mark.parametrize("_time", [1, 2])
async def test_each_test_gets_the_schema_and_nothing_that_others_left(
    database_url: str, _time: int
) -> None:
    found = await tables(database_url)
    assert "alembic_version" in found
    assert "left_behind" not in found


async def test_an_empty_database_has_no_tables(empty_database_url: str) -> None:
    assert await tables(empty_database_url) == []


@pytest.mark.parametrize("_time", range(17))
def test_each_test_gets_an_empty_valkey(redis_url: str, _time: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


async def test_eventually_returns_the_first_true_value() -> None:
    values = iter([0, 0, 3])

    async def value() -> int:
        return next(values)

    assert await eventually(value) == 3


async def test_eventually_fails_with_the_last_value() -> None:
    async def value() -> str:
        return ""

    with pytest.raises(AssertionError, match="value was '' still after 0 s"):
        await eventually(value, timeout_seconds=0)
