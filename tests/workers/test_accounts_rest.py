"""Accounts that rest, by hand or by themselves; and who sends to whom meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from cadenza.accounts import Accounts, Health
from cadenza.accounts.states import AccountIsSo, pause_account
from cadenza.errors import UnknownName
from cadenza.model import Event, EventType, TouchRef
from cadenza.slots.filling import go_on
from cadenza.storage import events
from console.auditing import audit
from tests.support.eventually import eventually, in_time
from tests.support.pipeline import Pipeline, accounts, pipeline

WAITING = """select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'"""


async def pause(line: Pipeline, account: str, *, for_good: bool = False) -> None:
    async with line.database.transaction() as tx:
        await pause_account(
            tx, line.accounts, account, reason="looked odd", for_good=for_good, clock=line.clock
        )


async def resume(line: Pipeline, account: str) -> int:
    async with line.database.transaction() as tx:
        return await go_on(tx, line.ground, account)


async def broken(line: Pipeline) -> dict[str, int]:
    report = await audit(line.database, line.catalog, line.accounts)
    return {rule: count for rule, count in report.as_json().items() if count}


async def due_now(line: Pipeline) -> None:
    now = line.clock.now()
    await line.execute("update due set due_at = $1, planned_at = $1", now)


async def test_touches_of_an_account_that_rests_wait_with_the_reason(line: Pipeline) -> None:
    await line.enroll(3)
    await pause(line, "mail-0")
    line.clock.advance(timedelta(minutes=1))
    await due_now(line)
    await line.work()
    assert line.world.sent == []
    assert await line.rows("select distinct reason from due") == [("account_paused",)]
    assert await resume(line, "mail-0") == 3
    line.clock.advance(timedelta(minutes=1))
    await line.run(days=1)
    assert len(line.world.sent) == 3
    assert await broken(line) == {}


async def test_nothing_begins_that_was_claimed_before_the_pause(line: Pipeline) -> None:
    async def rest(_: object) -> None:
        line.world.before_begin = None
        await pause(line, "mail-0")

    line.world.before_begin = rest
    await line.enroll(3)
    await due_now(line)
    await line.work()
    assert line.world.sent == []
    assert await line.value("select count(*) from touch") == 0


async def test_nothing_begins_after_a_pause_was_committed_while_it_waited_for_its_row(
    line: Pipeline,
) -> None:
    async def waiting() -> int:
        return int(await line.value(WAITING))

    await line.enroll()
    await due_now(line)
    (batch_id,) = await line.release()
    async with line.database.transaction() as gate:
        await gate.fetch("select 1 from enrollment for no key update")
        delivering = asyncio.create_task(line.delivery.deliver(batch_id))
        await eventually(waiting)
        pausing = asyncio.create_task(pause(line, "mail-0"))

        async def pause_is_over_or_waits() -> bool:
            return pausing.done() or await waiting() == 2

        await eventually(pause_is_over_or_waits)
        was_committed = pausing.done()
    async with in_time():
        await asyncio.gather(delivering, pausing)
    assert not (was_committed and line.world.sent)


async def test_new_people_are_given_to_accounts_that_do_not_rest(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, file=accounts(count=3)) as line:
        await pause(line, "mail-1")
        line.clock.advance(timedelta(minutes=1))
        await line.enroll(30)
        used = await line.rows("select distinct account from due order by 1")
        assert used == [("mail-0",), ("mail-2",)]


async def test_who_was_touched_from_an_account_stays_with_it(
    database_url: str, redis_url: str
) -> None:
    """The file changes under way: weights, and a new account."""
    async with pipeline(database_url, redis_url, file=accounts(count=2)) as line:
        await line.enroll(12)
        await line.run(days=1)
        first = dict(await line.rows("select enrollment_id, account from touch"))
        assert set(first.values()) == {"mail-0", "mail-1"}
        await line.execute("update due set account = null")
        for n in range(12):  # planned anew from the account of the touch before
            await line.execute("update due set account = $1 where enrollment_id = $2",
                               "mail-0" if n % 2 else "mail-1", n + 1)  # fmt: skip
        await line.run(days=9)
        assert await line.value("select count(*) from touch") == 24
        second = dict(
            await line.rows("select enrollment_id, account from touch where step = 'again'")
        )
        assert second == first
        assert await broken(line) == {}


async def test_people_of_a_retired_account_go_on_elsewhere_but_their_threads_do_not(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, file=accounts(count=2)) as line:
        await line.enroll(12)
        await line.run(days=1)
        theirs = await line.value("select count(*) from touch where account = 'mail-0'")
        assert 0 < theirs < 12
        await pause(line, "mail-0", for_good=True)
        line.clock.advance(timedelta(minutes=1))
        await line.run(days=9)
        held = await line.rows("select reason from enrollment where status = 'paused'")
        assert len(held) == theirs
        assert all("its thread left from account mail-0" in reason for (reason,) in held)
        # A new thread to the same people leaves from the other one.
        await line.execute("update enrollment set status = 'finished', outcome = 'stopped'")
        await line.enroll(12, key="again")
        await line.run(days=1)
        anew = "select distinct account from touch where step = 'hello' and id > 24"
        assert await line.rows(anew) == [("mail-1",)]
        assert "account_changed" not in await broken(line)


async def test_an_account_rests_by_itself_when_too_many_bounce(
    database_url: str, redis_url: str
) -> None:
    file = with_health(accounts(count=2), bounce_rate=0.2, floor=4)
    async with pipeline(database_url, redis_url, file=file) as line:
        await line.enroll(24)
        await line.run(days=1)
        bad = await line.rows("select id from touch where account = 'mail-0' order by id limit 5")
        for (touch_id,) in bad[:4]:
            await tell(line, touch_id, EventType.BOUNCED)
        assert await line.rows("select account from account_pause") == []
        await tell(line, bad[4][0], EventType.BOUNCED)
        found = await line.rows("select account, source, reason from account_pause")
        assert [(account, source) for account, source, _ in found] == [("mail-0", "bounce_rate")]
        assert "bounce_rate: 5 of " in found[0][2]
        # Who lets it go on does not want it stopped for the same again.
        await resume(line, "mail-0")
        await tell(line, bad[4][0], EventType.COMPLAINED)
        assert await line.value("select count(*) from account_pause where resumed_at is null") == 0


def with_health(file: Accounts, **health: float) -> Accounts:
    changed = [
        a.model_copy(update={"health": Health.model_validate(health)}) for a in file.accounts
    ]
    return file.model_copy(update={"accounts": changed})


async def tell(line: Pipeline, touch_id: int, event_type: EventType) -> None:
    event = Event(
        source="test",
        external_id=f"{event_type}-{touch_id}",
        type=event_type,
        occurred_at=line.clock.now(),
        about=[TouchRef(touch_id=touch_id)],  # type: ignore[arg-type]
        data={},
    )
    async with line.database.transaction() as tx:
        await events.record(tx, [event], line.clock.now())
    await line.applier.apply_all()


async def test_resting_is_said_once_and_of_known_accounts(line: Pipeline) -> None:
    await pause(line, "mail-0")
    with pytest.raises(AccountIsSo, match="rests already"):
        await pause(line, "mail-0")
    await pause(line, "mail-0", for_good=True)
    await resume(line, "mail-0")
    with pytest.raises(AccountIsSo, match="does not rest"):
        await resume(line, "mail-0")
    with pytest.raises(UnknownName, match="there is no account 'x'"):
        await pause(line, "x")
