"""What goes wrong with one touch, or for one moment, costs nothing else."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from cadenza.abc import Draw
from cadenza.course import results
from cadenza.errors import StaleLease, TransientSendError
from cadenza.limits import LimitRules
from cadenza.model import Accepted, Event, EventType, Outbound, TouchId, TouchRef
from cadenza.pacing.caps import Cap
from cadenza.storage import batches, events, quotas
from cadenza.storage.batches import ClaimedBatch
from cadenza.timespec import day_of, next_day
from tests.support.eventually import eventually
from tests.support.pipeline import Pipeline, accounts, pipeline
from workers.render import Renderer, RenderRequest

LEDGER = "select recipient, status, code from touch where step = 'hello' order by recipient"
SOMEBODY_WAITS = """select count(*) > 0 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'"""


async def at_once(line: Pipeline) -> None:
    """Everything that is planned is due now, and in the middle of its window."""
    now = line.clock.now()
    await line.execute(
        "update due set due_at = $1, planned_at = $1, window_end = $2",
        now,
        now + timedelta(hours=1),
    )


def wanted(line: Pipeline, batch: ClaimedBatch) -> Sequence[tuple[TouchId, Sequence[Cap]]]:
    """A place for each touch of a batch under the caps of its account."""
    caps = LimitRules(line.accounts).caps(Draw(account=line.accounts.accounts[0]))
    return [(touch.touch_id, caps) for touch in batch.touches]


async def test_a_sender_that_breaks_on_one_touch_hurts_no_other(line: Pipeline) -> None:
    async def break_before(touch: Outbound) -> None:
        if touch.recipient == "p2@example.com":
            raise ZeroDivisionError

    async def break_after(touch: Outbound) -> None:
        if touch.recipient == "p3@example.com":
            raise ZeroDivisionError

    line.world.before_begin, line.world.after_begin = break_before, break_after
    await line.enroll(4)
    await at_once(line)
    await line.work()
    assert await line.rows(LEDGER) == [
        ("p1@example.com", "sent", None),
        ("p3@example.com", "unknown", "error"),
        ("p4@example.com", "sent", None),
    ]
    assert await line.rows("select reason, attempts from due where step = 'hello'") == [
        ("provider_deferred", 1)
    ]
    await line.run(days=5)
    assert ("p2@example.com", "failed", "error") in await line.rows(LEDGER)


async def test_a_touch_that_cannot_be_rendered_hurts_no_other(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = Renderer.render

    def broken(renderer: Renderer, request: RenderRequest) -> Outbound:
        if request.recipient.address == "p2@example.com":
            raise ZeroDivisionError
        return render(renderer, request)

    monkeypatch.setattr(Renderer, "render", broken)
    await line.enroll(3)
    await at_once(line)
    await line.work()
    assert len(line.world.sent) == 2
    assert await line.rows("select reason from enrollment where status = 'paused'") == [
        ("cannot be delivered: ZeroDivisionError",)
    ]


async def test_nothing_begins_after_its_window_has_closed_in_mid_batch(line: Pipeline) -> None:
    async def wait(touch: Outbound) -> None:
        if touch.recipient == "p2@example.com":
            line.clock.advance(timedelta(hours=1))

    line.world.before_begin = wait
    await line.enroll(2)
    await at_once(line)
    await line.work()
    assert [touch.recipient for touch in line.world.sent] == ["p1@example.com"]
    assert await line.rows(
        "select reason, due_at > $1 from due where step = 'hello'", line.clock.now()
    ) == [("window", True)]
    line.world.before_begin = None
    await line.run(days=2)
    assert await line.value("select count(*) from touch where began_at >= window_end") == 0
    assert await line.value("select count(*) from touch where step = 'hello'") == 2


async def test_nothing_begins_on_another_day_than_the_one_whose_capacity_it_took(
    database_url: str, redis_url: str
) -> None:
    zone = "Pacific/Kiritimati"  # its midnight is 11:00 in Paris
    file = accounts(per_day=1, count=2, zone=zone)
    async with pipeline(database_url, redis_url, file=file) as line:
        await line.enroll(8)
        before_midnight = next_day(line.clock.now(), zone) - timedelta(seconds=1)
        line.clock.advance(before_midnight - line.clock.now())
        today = day_of(before_midnight, zone)

        async def wait(_: Outbound) -> None:
            line.world.before_begin = None
            line.clock.advance(timedelta(seconds=2))

        line.world.before_begin = wait
        await at_once(line)
        await line.work()
        used = """select (window_start at time zone 'Pacific/Kiritimati')::date, sum(used)
            from quota_use group by 1 order by 1"""
        # Both accounts had taken their day's one; neither is charged for what did not begin.
        assert await line.rows(used) == [(today, 0), (today + timedelta(days=1), 2)]
        assert await line.rows("select count(*), min(began_at) > $1 from touch", before_midnight)
        assert len(line.world.sent) == 2


@pytest.mark.parametrize("code", ["40P01", "40001", "57P01"])
async def test_what_providers_answered_survives_a_commit_that_fails(
    line: Pipeline, code: str
) -> None:
    """Deadlocks, and a database that is away for a moment."""
    await line.execute("create sequence tries")
    await line.execute(
        f"""create function fail() returns trigger language plpgsql as $$ begin
            if nextval('tries') < 3 then raise exception 'now' using errcode = '{code}'; end if;
            return new; end $$"""
    )
    await line.execute(
        "create trigger t before insert on touch for each row execute function fail()"
    )
    await line.enroll(3)
    await at_once(line)
    await line.work()
    assert [status for _, status, _ in await line.rows(LEDGER)] == ["sent"] * 3
    assert await line.value("select count(*) from batch") == 0


async def test_capacity_that_cannot_be_taken_now_is_taken_later(line: Pipeline) -> None:
    await line.execute(
        """create function away() returns trigger language plpgsql as
        $$ begin raise exception 'away' using errcode = '57P01'; end $$"""
    )
    await line.execute(
        "create trigger t before insert on quota_use for each row execute function away()"
    )
    await line.enroll(3)
    await at_once(line)
    await line.work()
    assert await line.rows("select reason, count(*) from due group by 1") == [("withheld", 3)]
    await line.execute("drop trigger t on quota_use")
    await line.run(days=1)
    assert len(line.world.sent) == 3
    assert await line.value("select sum(used) from quota_use") == 3


async def test_capacity_that_was_taken_without_our_hearing_of_it_is_given_back(
    line: Pipeline,
) -> None:
    """The database took it and went away before it said so."""
    await line.enroll()
    await at_once(line)
    (batch_id,) = await line.release()
    async with line.database.transaction() as tx:
        batch = await batches.claim(tx, batch_id, "worker", 30)
        assert batch is not None
        await quotas.take(tx, batch, wanted(line, batch), line.clock.now())
    async with line.database.transaction() as tx:
        await results.commit(
            tx,
            batch,
            results.Results(back=[*batch.touches]),
            line.course,
        )
    assert await line.value("select sum(used) from quota_use") == 0


async def test_leases_are_renewed_again_after_the_database_was_away(line: Pipeline) -> None:
    line.delivery._lease_seconds = 0.03
    await line.enroll()
    await at_once(line)
    (batch_id,) = await line.release()
    holding, letting_go = asyncio.Event(), asyncio.Event()

    async def hold(_: Outbound) -> None:
        holding.set()
        await letting_go.wait()

    line.world.before_begin = hold
    delivering = asyncio.create_task(line.delivery.deliver(batch_id))
    await holding.wait()
    await line.execute("alter table batch rename to elsewhere")
    keeping = asyncio.create_task(line.delivery.keep_leases())
    await eventually(
        lambda: line.value("select clock_timestamp() > lease_until + '0.1 s' from elsewhere")
    )
    await line.execute("alter table elsewhere rename to batch")
    await eventually(lambda: line.value("select clock_timestamp() < lease_until from batch"))
    letting_go.set()
    await delivering
    keeping.cancel()
    assert len(line.world.sent) == 1


async def test_whatever_a_provider_calls_a_touch_it_can_be_recorded(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(*_: object) -> Accepted:
        return Accepted(provider_id="a\0b\ud800" + "c" * 10_000)

    await line.enroll()
    await at_once(line)
    monkeypatch.setattr("workers.attempts.Attempts._send", send)
    await line.work()
    assert await line.rows("select provider_id from touch") == [("ab" + "c" * 498,)]


async def test_who_records_a_batch_and_who_applies_events_do_not_wait_for_each_other(
    line: Pipeline,
) -> None:
    """What is put back and what goes on are locked in one order, as events lock them."""
    line.world.answers["p2@example.com"] = TransientSendError("busy", code="451")
    held = asyncio.Event()

    async def apply() -> None:
        async with line.database.transaction() as tx:
            await tx.execute("select 1 from enrollment where id = 1 for no key update")
            held.set()
            await eventually(lambda: line.value(SOMEBODY_WAITS))
            await tx.execute("select 1 from enrollment where id = 2 for no key update nowait")

    applying: list[asyncio.Task[None]] = []

    async def meanwhile(_: Outbound) -> None:
        applying.append(asyncio.create_task(apply()))
        await held.wait()

    line.world.after_begin = meanwhile
    await line.enroll(2)
    await at_once(line)
    await line.work()
    await asyncio.gather(*applying)
    assert await line.value("select count(*) from touch") == 1


async def test_leases_and_the_journal_do_not_wait_for_each_other(line: Pipeline) -> None:
    """The journal has locked the second batch, and then wants the first."""
    line.scheduler._pace = replace(line.scheduler._pace, batch_size=1)
    await line.enroll(2)
    await at_once(line)
    ids = sorted(await line.release())
    async with line.database.transaction() as tx:
        for batch_id in ids:
            await batches.claim(tx, batch_id, "worker", 30)
    line.delivery._held.update(ids)
    async with line.database.transaction() as tx:
        lock = "select 1 from batch where id = $1 for share"
        await tx.execute(lock, ids[1])
        renewing = asyncio.create_task(line.delivery.renew())
        await eventually(lambda: line.value(SOMEBODY_WAITS))
        await tx.execute(f"{lock} nowait", ids[0])
    await renewing


async def test_a_batch_that_was_taken_over_takes_no_capacity(line: Pipeline) -> None:
    await line.enroll()
    await at_once(line)
    (batch_id,) = await line.release()
    async with line.database.transaction() as tx:
        batch = await batches.claim(tx, batch_id, "worker", 30)
        assert batch is not None
        await batches.expire_worker(tx, "worker")
        await batches.seal_expired(tx, 1)
    with pytest.raises(StaleLease):
        async with line.database.transaction() as tx:
            await quotas.take(tx, batch, wanted(line, batch), line.clock.now())
    assert await line.value("select coalesce(sum(used), 0) from quota_use") == 0


async def test_an_account_that_takes_over_from_another_is_charged_and_named(
    line: Pipeline,
) -> None:
    await line.enroll(3)
    await at_once(line)
    await line.execute("update due set account = case when enrollment_id > 1 then 'gone' end")
    await line.work()
    assert await line.rows("select distinct account from touch") == [("mail-0",)]
    assert await line.rows("select key, used from quota_use") == [("account:mail-0:day", 3)]


async def test_a_notification_that_fails_makes_no_other_leave_again(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.enroll(3)
    await line.run(days=1)
    touches = await line.rows("select id from touch order by id")
    async with line.database.transaction() as tx:
        replies = [
            Event(
                source="test",
                external_id=f"reply-{touch_id}",
                type=EventType.REPLIED,
                occurred_at=line.clock.now(),
                about=[TouchRef(touch_id=touch_id)],
            )
            for (touch_id,) in touches
        ]
        await events.record(tx, replies, line.clock.now())
    await line.applier.apply_all()
    compose = line.notifier._compose

    def broken(*arguments: object) -> object:
        if arguments[0].notification_id == 2:  # type: ignore[attr-defined]
            raise ZeroDivisionError
        return compose(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(line.notifier, "_compose", broken)
    line.world.sent.clear()
    assert await line.notifier.notify_all() == 2
    assert await line.notifier.notify_all() == 0
    assert len(line.world.sent) == 2
    monkeypatch.undo()
    await line.execute("update notification set not_before = '-infinity'")
    assert await line.notifier.notify_all() == 1
