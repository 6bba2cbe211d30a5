"""Schedulers divide the shards among themselves."""

from collections.abc import AsyncIterator

import pytest

from cadenza.storage import shards
from cadenza.storage.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as opened:
        yield opened


async def leased(database: Database, scheduler: str, share: int, seconds: float = 30) -> set[int]:
    async with database.transaction() as tx:
        return set(await shards.lease(tx, scheduler, seconds, share))


async def test_one_scheduler_takes_all_and_gives_half_to_a_second(database: Database) -> None:
    assert len(await leased(database, "a", 256)) == 256
    assert len(await leased(database, "b", 128)) == 0
    a = await leased(database, "a", 128)
    b = await leased(database, "b", 128)
    assert len(a) == len(b) == 128
    assert a.isdisjoint(b)


async def test_what_was_leased_stays_leased_when_it_is_renewed(database: Database) -> None:
    first = await leased(database, "a", 100)
    assert await leased(database, "a", 100) == first


async def test_a_dead_schedulers_shards_are_free_when_its_leases_end(database: Database) -> None:
    await leased(database, "a", 256, seconds=0)
    assert len(await leased(database, "b", 256)) == 256


async def test_a_scheduler_that_was_seen_dead_holds_nothing(database: Database) -> None:
    await leased(database, "a", 256)
    async with database.transaction() as tx:
        assert await shards.heartbeat(tx, "a", 30) == 1
        assert await shards.heartbeat(tx, "b", 30) == 2
        await shards.release(tx, "a")
        assert await shards.heartbeat(tx, "b", 30) == 1
    assert len(await leased(database, "b", 256)) == 256


async def test_taking_a_free_shard_raises_its_epoch(database: Database) -> None:
    await leased(database, "a", 1, seconds=0)
    await leased(database, "b", 1)
    async with database.connection() as db:
        assert await db.fetchval("select max(epoch) from shard_lease") == 2
