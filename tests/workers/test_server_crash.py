"""PostgreSQL is killed in the middle of a batch, and comes back."""

import asyncio
from collections import Counter
from datetime import timedelta

from cadenza.model import Outbound
from cadenza.storage import batches
from cadenza.storage.database import is_passing
from cadenza.storage.migrations import upgrade
from console.embedded import EmbeddedServers
from tests.support.eventually import eventually
from tests.support.pipeline import Pipeline, pipeline

TOUCHES = 12


async def at_once(line: Pipeline) -> None:
    now = line.clock.now()
    await line.execute(
        "update due set due_at = $1, planned_at = $1, window_end = $2",
        now,
        now + timedelta(hours=1),
    )


def kill_and_restart(servers: EmbeddedServers) -> None:
    assert servers.postgres is not None
    servers.postgres.kill()
    servers.postgres.restart()


async def answers(line: Pipeline) -> bool:
    """Whether the database does; connections of before the crash are found dead once."""
    try:
        return bool(await line.value("select true"))
    except Exception as error:
        if not is_passing(error):
            raise
        return False


def crash_after(count: int, line: Pipeline, servers: EmbeddedServers) -> None:
    """The server dies when `count` touches have left, and is back at once."""
    left = 0

    async def crash(_: Outbound) -> None:
        nonlocal left
        left += 1
        if left == count:
            kill_and_restart(servers)

    line.world.after_begin = crash


async def test_a_worker_that_outlives_the_database_loses_and_repeats_nothing(
    own_servers: EmbeddedServers,
) -> None:
    await asyncio.to_thread(upgrade, own_servers.database_url)
    async with pipeline(own_servers.database_url, own_servers.redis_url) as line:
        await line.enroll(TOUCHES)
        await at_once(line)
        crash_after(5, line, own_servers)
        (batch_id,) = await line.release()
        await line.delivery.deliver(batch_id)
        # What providers had answered was known to the worker, though the journal is gone.
        assert await line.rows("select distinct status from touch") == [("sent",)]
        assert await line.value("select count(*) from touch") == len(line.world.sent) >= 5
        await line.run(days=1)
        sent = Counter(touch.recipient for touch in line.world.sent)
        assert len(sent) == TOUCHES
        assert set(sent.values()) == {1}
        assert await line.rows("select status, count(*) from touch group by 1") == [
            ("sent", TOUCHES)
        ]


async def test_what_a_worker_had_in_hand_that_died_with_the_database_is_unknown(
    own_servers: EmbeddedServers,
) -> None:
    await asyncio.to_thread(upgrade, own_servers.database_url)
    async with pipeline(own_servers.database_url, own_servers.redis_url) as line:
        await line.enroll(TOUCHES)
        await at_once(line)
        (batch_id,) = await line.release()
        async with line.database.transaction() as tx:
            assert await batches.claim(tx, batch_id, "dead", 30)
        kill_and_restart(own_servers)
        await eventually(lambda: answers(line))
        async with line.database.transaction() as tx:
            await batches.expire_worker(tx, "dead")
        await line.scheduler._keep_house()
        await line.run(days=10)
        assert await line.rows(
            "select step, status, count(*) from touch group by 1, 2 order by 1"
        ) == [("again", "sent", TOUCHES), ("hello", "unknown", TOUCHES)]
