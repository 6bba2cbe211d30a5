"""Another accounts file does not give out once more what left already."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from cadenza.accounts import Accounts
from cadenza.storage import recounting
from tests.support.pipeline import Pipeline, accounts, pipeline
from tests.workers.test_pacing import broken, one_mail

Restart = Callable[[Pipeline, Accounts], AbstractAsyncContextManager[Pipeline]]


@pytest.fixture
def restart(database_url: str, redis_url: str) -> Restart:
    """The same deployment again with another accounts file, at the same time."""

    @asynccontextmanager
    async def again(line: Pipeline, file: Accounts) -> AsyncIterator[Pipeline]:
        async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as made:
            made.clock.advance(line.clock.now() - made.clock.now())
            await recount(made)
            yield made

    return again


async def recount(line: Pipeline) -> None:
    async with line.database.transaction() as tx:
        rules = line.ground.pacer.rules
        await recounting.recount(tx, line.accounts, rules, line.clock.now())


async def began(line: Pipeline) -> list[datetime]:
    return [at for (at,) in await line.rows("select began_at from touch order by 1")]


async def test_a_day_that_begins_in_another_zone_knows_what_left_on_it(
    database_url: str, redis_url: str, restart: Restart
) -> None:
    file = accounts(per_day=20)
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(60)
        await line.run(days=1.2)  # to Tuesday noon: the whole cap has left by then, or nearly
        assert Counter(at.day for at in await began(line))[3] >= 5
        async with restart(line, accounts(per_day=20, zone="America/New_York")) as after:
            await after.run(days=3)
            assert Counter(at.day for at in await began(after))[3] <= 20
            assert await broken(after) == {}


@pytest.mark.parametrize("limit", [{"per_week": 45}, {"rolling": {"7 days": 45}}])
async def test_a_limit_that_is_new_knows_what_left_in_its_window(
    database_url: str, redis_url: str, restart: Restart, limit: dict[str, Any]
) -> None:
    file = accounts(per_day=20)
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(70)
        await line.run(days=1.9)
        assert len(await began(line)) == 40
        async with restart(line, accounts(per_day=20, **limit)) as after:
            await after.run(days=4)
            assert len(await began(after)) == 45
            assert await broken(after) == {}
            await after.run(days=20)
            assert len(await began(after)) == 70  # and nobody is forgotten


async def test_a_counter_that_knows_more_than_the_ledger_is_left_as_it_is(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, sources=one_mail()) as line:
        await line.enroll(3)
        await line.run(days=0.4)
        await line.execute("update quota_use set used = used + 2")  # taken, and not sent yet
        await recount(line)
        await recount(line)
        assert await line.rows("select distinct used from quota_use") == [(5,)]


async def test_what_has_begun_and_is_not_recorded_counts(database_url: str, redis_url: str) -> None:
    async with pipeline(database_url, redis_url, sources=one_mail()) as line:
        await line.execute(
            """insert into journal (batch_id, epoch, touch_id, kind, at, answer)
            values (1, 1, 1, 'begin', $1, '{"account": "mail-0", "provider_id": null}')""",
            line.clock.now() - timedelta(minutes=1),
        )
        await recount(line)
        assert await line.rows("select key, used from quota_use") == [("account:mail-0:day", 1)]
