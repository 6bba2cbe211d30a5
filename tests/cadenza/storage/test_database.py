"""Connections come back to the pool as they went out, whatever happened on them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from cadenza.storage.database import Database, is_passing
from console.embedded import EmbeddedServers

INSERT = "insert into cadence (name) values ($1)"
COUNT = "select count(*) from cadence"


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Database]:
    """A pool in which everybody gets the one connection that was used before."""
    async with Database(database_url, pool_size=1) as opened:
        async with opened.connection() as db:
            await db.fetchval("select 1")
        yield opened


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancelled_transaction_does_not_swallow_the_next_one(
    single: Database, database: Database, turns: int
) -> None:
    async def work() -> None:
        async with single.transaction() as tx:
            await tx.execute(INSERT, "cancelled")
            await tx.fetchval("select pg_sleep(60)")

    working = asyncio.create_task(work())
    for _ in range(turns):  # each a little further on its way
        await asyncio.sleep(0)
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    async with single.transaction() as tx:
        await tx.execute(INSERT, "next")
    async with single.connection() as db:
        await db.execute(INSERT, "alone")
    async with database.connection() as db:
        rows = await db.fetch("select name from cadence order by name")
    assert [row["name"] for row in rows] == ["alone", "next"]


async def test_a_transaction_that_was_begun_by_hand_and_left_open_is_not_handed_on(
    single: Database, database: Database
) -> None:
    async with single.connection() as db:
        await db.execute("begin")
    async with single.connection() as db:
        await db.execute(INSERT, "seen")
    async with database.connection() as db:
        assert await db.fetchval(COUNT) == 1


async def test_connections_that_the_server_ended_are_not_handed_out(database: Database) -> None:
    async with database.connection() as one, database.connection() as two:
        pids = [await db.fetchval("select pg_backend_pid()") for db in (one, two)]
    url = database.engine.url.render_as_string(hide_password=False)
    async with Database(url) as other, other.connection() as db:
        await db.fetch("select pg_terminate_backend(pid, 5000) from unnest($1::int[]) as pid", pids)
    for _ in range(3):
        async with database.connection() as db:
            assert await db.fetchval("select 1") == 1


async def test_a_deadlock_passes_and_a_wrong_value_does_not(database: Database) -> None:
    with pytest.raises(Exception, match="invalid input") as wrong:
        async with database.connection() as db:
            await db.fetchval("select $1::int", "no number")
    assert not is_passing(wrong.value)
    with pytest.raises(Exception, match="deadlock") as deadlock:
        async with database.transaction() as tx:
            await tx.execute(
                "do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$"
            )
    assert is_passing(deadlock.value)


async def test_that_the_server_is_away_passes(own_servers: EmbeddedServers) -> None:
    async with Database(own_servers.database_url) as database:
        async with database.connection() as db:
            await db.fetchval("select 1")
        assert own_servers.postgres is not None
        own_servers.postgres.kill()
        for _ in range(2):  # the first finds a dead connection, the second opens none
            with pytest.raises(Exception, match=r"[Cc]onn|No such file") as away:
                async with database.connection() as db:
                    await db.fetchval("select 1")
            assert is_passing(away.value), away.value
