"""A copied or restored database sends nothing until it is claimed."""

from datetime import timedelta

import pytest
from sqlalchemy.engine import make_url

from cadenza.errors import FenceClosed
from cadenza.fence import Fence
from cadenza.storage import instance
from cadenza.storage.database import Database
from tests.support.databases import Databases
from tests.support.pipeline import Pipeline

HERE = "test"  # what the pipeline's own fence is called
RESTORE = (  # what `pg_restore --clean` does to a table
    "create table restored (like instance including all)",
    "insert into restored select * from instance",
    "drop table instance",
    "alter table restored rename to instance",
)


async def reason(line: Pipeline, name: str = HERE, *, follows_failover: bool = False) -> str:
    fence = Fence(name, line.clock, follows_failover=follows_failover)
    async with line.database.connection() as db:
        return await fence.closed(db) or ""


async def execute(line: Pipeline, *statements: str) -> None:
    async with line.database.connection() as db:
        for statement in statements:
            await db.execute(statement)


async def claim(line: Pipeline, name: str = HERE) -> None:
    async with line.database.transaction() as tx:
        await Fence(name, line.clock).claim(tx)


async def test_the_first_who_uses_a_database_claims_it(line: Pipeline) -> None:
    await execute(line, "delete from instance")

    await line.scheduler.make_pass()

    assert await line.rows("select name from instance") == [(HERE,)]
    assert await reason(line) == ""


@pytest.mark.parametrize("lost", ["delete from touch", "delete from due"])
async def test_a_used_database_without_its_claim_is_a_copy(line: Pipeline, lost: str) -> None:
    await line.enroll()
    await line.run(days=1)
    assert len(line.world.sent) == 1

    await execute(line, lost, "delete from instance")

    assert "no claim" in await reason(line)
    with pytest.raises(FenceClosed, match=r"no claim.*cadenza instance claim"):
        await line.notifier.notify_all()
    assert await line.value("select count(*) from instance") == 0
    await claim(line)
    assert await line.notifier.notify_all() == 0


async def test_a_claim_without_a_name_takes_the_first_that_comes(line: Pipeline) -> None:
    await claim(line, "")
    assert await reason(line, "anything") == ""

    await line.scheduler.make_pass()

    assert "belongs to the instance 'test', and this one is 'anything'" in await reason(
        line, "anything"
    )


async def test_a_clone_says_that_it_was_copied_and_is_open_once_claimed(
    line: Pipeline, database_url: str, databases: Databases
) -> None:
    await line.scheduler.make_pass()
    source = make_url(database_url).database or ""
    await line.database.close()  # PostgreSQL clones only what nobody is connected to
    copy = databases.clone(source)
    fence = Fence(HERE, line.clock)
    try:
        async with Database(databases.url_of(copy)) as database, database.transaction() as tx:
            with pytest.raises(FenceClosed, match=r"copied or restored.*cadenza instance claim"):
                await fence.check(tx)
            await fence.claim(tx)
            await fence.check(tx)
    finally:
        databases.drop(copy)


async def test_a_dump_that_is_restored_in_place_is_noticed(line: Pipeline) -> None:
    await line.scheduler.make_pass()

    await execute(line, *RESTORE)

    assert "restored from a dump" in await reason(line)


async def test_another_servers_database_is_noticed(line: Pipeline) -> None:
    await line.scheduler.make_pass()
    await execute(line, "update instance set system_identifier = '7'")

    assert "another server" in await reason(line)


async def test_a_new_timeline_is_a_restore_unless_failover_is_followed(line: Pipeline) -> None:
    await line.scheduler.make_pass()
    await execute(line, "update instance set timeline = timeline + 1")

    assert "point in time" in await reason(line)
    assert await reason(line, follows_failover=True) == ""


async def test_a_process_without_a_name_does_not_send_for_one_that_has_one(line: Pipeline) -> None:
    await claim(line, "production")

    assert "CADENZA_INSTANCE is not set" in await reason(line, "")


async def test_nothing_is_staged_sent_or_notified_behind_a_closed_fence(line: Pipeline) -> None:
    await line.enroll(3)
    due = await line.value("select max(due_at) from due")
    line.clock.advance(due - line.clock.now())
    await line.scheduler.make_pass()  # it is staged, and released
    released = list(line.hints.released)
    assert released
    await claim(line, "another")
    line.clock.advance(timedelta(seconds=1))

    for act in (
        lambda: line.delivery.deliver(released[0]),
        line.notifier.notify_all,
    ):
        with pytest.raises(FenceClosed):
            await act()

    assert line.world.sent == []
    assert await line.value("select count(*) from touch") == 0
    await claim(line)
    await line.delivery.deliver(released[0])
    assert len(line.world.sent) == 3


async def test_a_scheduler_leases_no_shards_of_a_foreign_database(line: Pipeline) -> None:
    await line.enroll()
    await claim(line, "another")

    with pytest.raises(FenceClosed):
        await line.scheduler.make_pass()

    assert await line.value("select count(*) from shard_lease where scheduler is not null") == 0
    assert await line.value("select count(*) from due") == 1


async def test_an_ordinary_user_of_the_database_can_tell_it_too(
    line: Pipeline, database_url: str
) -> None:
    await execute(
        line,
        "drop role if exists fence_reader",
        "create role fence_reader login",
        "grant all on instance to fence_reader",
    )
    url = make_url(database_url).update_query_dict({"user": "fence_reader"})
    try:
        async with (
            Database(url.render_as_string(hide_password=False)) as database,
            database.connection() as db,
        ):
            allowed = await instance.may_ask_server(db)
            found, _ = await instance.look(db, HERE, ask_server=allowed)
    finally:
        await execute(line, "drop owned by fence_reader", "drop role fence_reader")

    assert found.database_oid > 0
    assert found.timeline >= 1
