"""The way of touches from `due` into batches and back, and the fences around it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from cadenza.errors import StaleLease
from cadenza.model import BatchId, Channel
from cadenza.storage import batches, due, journal, suppressions
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Connection, Database
from cadenza.storage.journal import Answer, Attempt
from cadenza.storage.suppressions import Ban
from tests.support.eventually import eventually
from tests.support.rows import NOON, enrollments, plan

ALL_SHARDS = range(256)
MINUTE = timedelta(minutes=1)


async def stage(
    tx: Connection, *, size: int = 200, most: int = 1000
) -> Sequence[tuple[BatchId, bool]]:
    return await due.stage(
        tx,
        scheduler="s",
        shards=ALL_SHARDS,
        now=NOON,
        until=NOON + 5 * MINUTE,
        size=size,
        most=most,
    )


async def claimed(database: Database, count: int) -> ClaimedBatch:
    async with database.transaction() as tx:
        await plan(tx, await enrollments(tx, count))
        ((batch_id, _),) = await stage(tx)
        await journal.current_generation(tx)
        batch = await batches.claim(tx, batch_id, "w1", 30)
    assert batch is not None
    return batch


def attempt(batch: ClaimedBatch, n: int = 0, *, key: str = "prospect:x") -> Attempt:
    touch = batch.touches[n]
    return Attempt(
        batch_id=batch.batch_id,
        epoch=batch.epoch,
        touch_id=touch.touch_id,
        enrollment_id=touch.enrollment_id,
        step=touch.step,
        visit=touch.visit,
        keys=[key],
        at=NOON,
        expected_id="<id@example.com>",
    )


async def test_what_is_overdue_is_one_batch_and_what_comes_is_cut_by_its_moment(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        ids = await enrollments(tx, 8)
        await plan(tx, ids[:4], due_at=NOON - 3 * MINUTE, every=MINUTE)
        await plan(tx, ids[4:], due_at=NOON + MINUTE / 2, every=MINUTE)
        staged = await stage(tx)
        sizes = await tx.fetch("select size, state from batch order by release_at, id")
    assert sorted(released for _, released in staged) == [False] * 4 + [True]
    assert [row["size"] for row in sizes] == [4, 1, 1, 1, 1]


async def test_batches_are_no_larger_than_asked_and_a_touch_is_staged_once(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        await plan(tx, await enrollments(tx, 25))
        await stage(tx, size=10)
        assert await stage(tx, size=10) == []
        rows = await tx.fetch("select size from batch order by size")
    assert [row["size"] for row in rows] == [5, 10, 10]


async def test_a_touch_comes_out_of_its_batch_as_it_went_in(database: Database) -> None:
    batch = await claimed(database, 1)
    (touch,) = batch.touches
    assert (touch.due_at, touch.channel, touch.account) == (NOON, Channel.EMAIL, "mail-1")
    async with database.transaction() as tx:
        await due.put_back(tx, [replace(touch, due_at=NOON + MINUTE, reason="account_gap")])
        row = await tx.fetchrow("select touch_id, due_at, planned_at, reason from due")
    assert row is not None
    assert tuple(row.values()) == (touch.touch_id, NOON + MINUTE, NOON, "account_gap")


async def test_only_one_worker_gets_a_batch(database: Database) -> None:
    batch = await claimed(database, 1)
    async with database.transaction() as tx:
        assert await batches.claim(tx, batch.batch_id, "w2", 30) is None


async def test_two_stagers_at_once_move_each_touch_once(database: Database) -> None:
    async with database.transaction() as tx:
        await plan(tx, await enrollments(tx, 200))

    async def staging() -> None:
        async with database.transaction() as tx:
            await stage(tx, size=7, most=60)

    await asyncio.gather(*(staging() for _ in range(6)))
    async with database.connection() as db:
        staged = await db.fetchval("select sum(size) from batch")
        planned = await db.fetchval("select count(*) from due")
        different = await db.fetchval(
            "select count(distinct t->>'touch_id') from batch, jsonb_array_elements(touches) as t"
        )
    assert staged + planned == 200
    assert staged == different


async def test_a_put_off_touch_of_a_finished_enrollment_is_dropped(database: Database) -> None:
    batch = await claimed(database, 2)
    async with database.transaction() as tx:
        await tx.execute(
            "update enrollment set status = 'finished', outcome = 'won' where id = $1",
            batch.touches[0].enrollment_id,
        )
        await due.put_back(tx, batch.touches)
        rows = await tx.fetch("select touch_id from due")
    assert [row["touch_id"] for row in rows] == [batch.touches[1].touch_id]


async def test_the_journal_lets_an_attempt_through_once_everything_allows_it(
    database: Database,
) -> None:
    batch = await claimed(database, 1)
    async with database.connection() as db:
        passed = await journal.append(db, [attempt(batch)], [])
    assert passed == {(batch.batch_id, batch.epoch, batch.touches[0].touch_id)}


async def test_of_two_attempts_at_one_touch_only_the_one_from_its_own_batch_passes(
    database: Database,
) -> None:
    """A worker that stalled may hold a touch from a lost batch beside the one that replaced it."""
    batch = await claimed(database, 1)
    stale = replace(attempt(batch), epoch=batch.epoch - 1)
    async with database.connection() as db:
        passed = await journal.append(db, [stale, attempt(batch)], [])
    assert passed == {(batch.batch_id, batch.epoch, batch.touches[0].touch_id)}


@pytest.mark.parametrize(
    "obstacle",
    [
        "update enrollment set status = 'finished', outcome = 'replied'",
        "update enrollment set status = 'paused'",
        "update enrollment set standing = '{later:1}'",
        "update enrollment set standing = '{hello:2}'",
        "update batch set epoch = epoch + 1",
        "insert into suppression values ('prospect:x', 'r', 's', now())",
    ],
)
async def test_the_journal_withholds_an_attempt(database: Database, obstacle: str) -> None:
    batch = await claimed(database, 1)
    async with database.connection() as db:
        await db.execute(obstacle)
        assert await journal.append(db, [attempt(batch)], []) == set()
        assert await db.fetchval("select count(*) from journal") == 0


async def test_a_stop_that_is_being_committed_is_waited_for_and_heeded(database: Database) -> None:
    batch = await claimed(database, 1)
    async with database.transaction() as tx:
        await tx.execute("update enrollment set status = 'finished', outcome = 'replied'")

        async def begin() -> set[tuple[int, int, int]]:
            async with database.connection() as db:
                return set(await journal.append(db, [attempt(batch)], []))

        waiting = asyncio.create_task(begin())
        async with database.connection() as db:
            await eventually(
                lambda: db.fetchval("select count(*) > 0 from pg_locks where not granted")
            )
    assert await waiting == set()


async def test_the_trace_of_a_touch_tells_how_far_it_got(database: Database) -> None:
    batch = await claimed(database, 3)
    said = {"status": "sent", "provider_id": "<id@example.com>", "code": None}
    answer = Answer(
        batch_id=batch.batch_id,
        epoch=batch.epoch,
        touch_id=batch.touches[1].touch_id,
        at=NOON,
        said=said,
    )
    async with database.transaction() as tx:
        await journal.append(tx, [attempt(batch, 0), attempt(batch, 1)], [])
        await journal.append(tx, [], [answer])
        traces = await journal.read(tx, batch.batch_id)
    assert set(traces) == {batch.touches[0].touch_id, batch.touches[1].touch_id}
    assert traces[batch.touches[0].touch_id].answer is None
    assert traces[batch.touches[0].touch_id].expected_id == "<id@example.com>"
    assert traces[batch.touches[1].touch_id].answer == said


async def test_a_sealed_batch_accepts_no_commit_of_its_old_worker(database: Database) -> None:
    batch = await claimed(database, 1)
    async with database.transaction() as tx:
        assert await batches.expire_worker(tx, "w1") == 1
        (sealed,) = await batches.seal_expired(tx, 10)
    assert sealed.epoch == batch.epoch + 1
    with pytest.raises(StaleLease):
        async with database.transaction() as tx:
            await batches.fence(tx, batch)


async def test_a_crash_of_the_database_shows_in_the_generation(database: Database) -> None:
    batch = await claimed(database, 1)
    async with database.transaction() as tx:
        assert await journal.current_generation(tx) == batch.generation
        await tx.execute("truncate journal_generation")  # what a crash does to unlogged tables
        assert await journal.current_generation(tx) != batch.generation


async def test_an_address_is_suppressed_once(database: Database) -> None:
    async with database.transaction() as tx:
        keys = ["email:p1@example.com", "domain:bad.example"]
        bans = [Ban(key=key, reason="r", source="s") for key in keys]
        assert await suppressions.add(tx, bans, NOON) == 2
        assert await suppressions.add(tx, bans, NOON) == 0
        assert await suppressions.among(tx, [*keys, "email:other"]) == set(keys)
