"""Cadences that send from a group which the accounts file does not have."""

from datetime import timedelta

from cadenza.accounts import Accounts
from cadenza.catalog import apply_cadence
from cadenza.insight.missing_groups import missing_groups
from tests.support.pipeline import TWO_MAILS, Pipeline, accounts, pipeline
from tests.workers.test_accounts_rest import broken, due_now

OTHER_GROUP = {
    path: text.replace("email: outreach", "email: sales") for path, text in TWO_MAILS.items()
}


def renamed() -> Accounts:
    """The accounts file after `outreach` was renamed in it, and in no cadence."""
    file = accounts()
    return file.model_copy(
        update={"accounts": [a.model_copy(update={"group": "sales"}) for a in file.accounts]}
    )


async def test_touches_of_a_group_that_is_gone_wait_until_it_is_back(
    line: Pipeline, database_url: str, redis_url: str
) -> None:
    await line.enroll(3)
    await due_now(line)
    async with pipeline(database_url, redis_url, file=renamed()) as stale:
        stale.clock.advance(timedelta(minutes=1))
        await stale.work()
        assert stale.world.sent == []
    assert await line.rows("select distinct status, reason from enrollment") == [("active", None)]
    assert await line.rows("select distinct reason from due") == [("no_sender_account",)]
    assert await line.value("select max(due_at) from due") < line.clock.now() + timedelta(hours=1)
    await line.run(days=1)
    assert len(line.world.sent) == 3
    assert await broken(line) == {}


async def test_a_touch_waits_for_its_group_over_the_end_of_its_window(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, file=renamed()) as line:
        await line.enroll()
        line.clock.advance(timedelta(hours=7) - timedelta(minutes=5))  # 16:55 of 17:00
        await line.execute(
            "update due set due_at = $1, window_end = $2",
            line.clock.now(),
            line.clock.now() + timedelta(minutes=5),
        )
        await line.work()
        (due,) = await line.rows("select due_at, window_end, reason from due")
        assert due[0] > line.clock.now() + timedelta(hours=12)
        assert due[0] < due[1]
        assert due[2] == "no_sender_account"


async def test_groups_that_live_cadences_name_and_the_file_lacks_are_told(line: Pipeline) -> None:
    await line.enroll()

    async def missing(file: Accounts) -> list[tuple[int, str, str]]:
        async with line.database.connection() as db:
            found = await missing_groups(db, line.catalog, file)
        return [(one.version, one.channel.value, one.group) for one in found]

    assert await missing(line.accounts) == []
    assert await missing(renamed()) == [(1, "email", "outreach")]
    async with line.database.transaction() as tx:
        await apply_cadence(tx, OTHER_GROUP, line.clock.now())
    # One enrollment is still on the first version.
    assert await missing(renamed()) == [(1, "email", "outreach")]
    assert await missing(line.accounts) == [(2, "email", "sales")]
    await line.execute("update enrollment set status = 'finished', outcome = 'stopped'")
    assert await missing(renamed()) == []
