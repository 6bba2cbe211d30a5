"""From which mailbox owners are told of answers: one that neither rests nor is full."""

from collections.abc import Sequence
from datetime import timedelta

from cadenza.accounts import Accounts
from cadenza.errors import AmbiguousSendError, TransientSendError
from cadenza.model import Event, EventType, TouchRef
from cadenza.storage import events, rest
from tests.support.pipeline import Pipeline, accounts, pipeline
from tests.workers.test_accounts_rest import broken, pause, resume

OWNER = "anna@reps.example"
USED = """select key, sum(used)::int from quota_use where used > 0 and key like 'account:%:day'
    group by key order by key"""


async def answered(line: Pipeline, count: int = 1) -> str | None:
    """`count` people answer their first mail; the account that the first one left from."""
    await line.enroll(count)
    await line.run(days=1 / 3)
    touches = await line.rows("select id, account from touch order by id")
    async with line.database.transaction() as tx:
        replies = [
            Event(
                source="test",
                external_id=f"reply-{touch_id}",
                type=EventType.REPLIED,
                occurred_at=line.clock.now(),
                about=[TouchRef(touch_id=touch_id)],
            )
            for touch_id, _ in touches
        ]
        await events.record(tx, replies, line.clock.now())
    await line.applier.apply_all()
    return touches[0][1] if touches else None


def told_from(line: Pipeline) -> Sequence[str]:
    return [mail.account_id for mail in line.world.sent if mail.recipient == OWNER]


async def again(line: Pipeline) -> int:
    """As a minute later."""
    await line.execute("update notification set not_before = '-infinity', waits_until = null")
    return await line.notifier.notify_all()


async def test_a_mailbox_that_has_sent_all_it_may_tells_nobody(
    database_url: str, redis_url: str
) -> None:
    file = accounts(per_day=1, count=2)
    async with pipeline(database_url, redis_url, file=file) as line:
        sender = await answered(line)
        (other,) = {"mail-0", "mail-1"} - {sender}
        assert await line.notifier.notify_all() == 1
        assert told_from(line) == [other]
        assert await line.rows(USED) == [("account:mail-0:day", 1), ("account:mail-1:day", 1)]


async def test_owners_are_told_the_next_day_if_every_mailbox_is_full(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, file=accounts(per_day=1)) as line:
        await answered(line)
        assert await line.notifier.notify_all() == 0
        assert await again(line) == 0
        assert await line.value("select count(*) from notification where failure is null") == 1
        assert await line.value("select max(attempts) from notification") == 0
        # Whoever moves time forward does not wait for it, and stops where it is tried again.
        async with line.database.connection() as db:
            resting, now = await rest.read(db), line.clock.now()
        assert resting.is_at(now)
        assert resting.next_due is not None
        assert now < resting.next_due <= now + timedelta(minutes=1)
        line.clock.advance(timedelta(days=1))
        assert await line.notifier.notify_all() == 1
        assert await again(line) == 0
        assert told_from(line) == ["mail-0"]
        # It has taken the place of that day's touch.
        assert await line.value("select max(used) from quota_use") == 1
        await line.enroll(key="later", prefix="q")
        await line.run(days=1 / 3)
        assert [mail.recipient for mail in line.world.sent] == ["p1@example.com", OWNER]
        assert await broken(line) == {}


async def test_a_mailbox_that_rests_tells_nobody(database_url: str, redis_url: str) -> None:
    async with pipeline(database_url, redis_url, file=accounts(count=3)) as line:
        await answered(line)
        await pause(line, "mail-0")
        await pause(line, "mail-1", for_good=True)
        await pause(line, "mail-2")
        assert await line.notifier.notify_all() == 0
        await resume(line, "mail-2")
        assert await again(line) == 1
        assert told_from(line) == ["mail-2"]


def with_notices(per_day: int) -> Accounts:
    """Two mailboxes, of which the second one is for the owners."""
    file = accounts(count=2)
    first, second = file.accounts
    limits = second.limits.model_copy(update={"per_day": per_day})
    notices = second.model_copy(update={"id": "notices", "group": "notices", "limits": limits})
    organisation = file.organisation.model_copy(update={"notify_from": "notices"})
    return file.model_copy(update={"accounts": [first, notices], "organisation": organisation})


async def test_a_mailbox_of_its_own_is_used_as_long_as_it_has_room(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, file=with_notices(per_day=2)) as line:
        await answered(line, 3)
        assert await line.notifier.notify_all() == 3
        assert told_from(line) == ["notices", "notices", "mail-0"]
        assert await line.rows(USED) == [("account:mail-0:day", 4), ("account:notices:day", 2)]


async def test_what_did_not_leave_gives_its_place_back_and_what_may_have_does_not(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, file=with_notices(per_day=2)) as line:
        await answered(line)
        line.world.answers[OWNER] = TransientSendError("busy", code="busy")
        assert await line.notifier.notify_all() == 0
        assert await line.rows(USED) == [("account:mail-0:day", 1)]
        line.world.answers[OWNER] = AmbiguousSendError("gone", code="gone")
        assert await again(line) == 1
        assert await line.rows(USED) == [("account:mail-0:day", 1), ("account:notices:day", 1)]
