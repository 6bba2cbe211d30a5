"""What becomes of each touch of a batch."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from cadenza.errors import (
    AmbiguousSendError,
    PermanentSendError,
    SendError,
    TransientSendError,
)
from cadenza.model import Event, EventType, Outbound, OutboundEmail, TouchRef
from cadenza.storage import batches, events
from senders.email_smtp.mime import MailComposer
from tests.support.pipeline import Pipeline, accounts, pipeline

LEDGER = "select step, status, code from touch order by id"


def reply(touch_id: int, line: Pipeline, event_type: EventType = EventType.REPLIED) -> Event:
    return Event(
        source="test",
        external_id=f"{event_type}-{touch_id}",
        type=event_type,
        occurred_at=line.clock.now(),
        about=[TouchRef(touch_id=touch_id)],  # type: ignore[arg-type]
        data={"text": "Yes, please."},
    )


async def record(line: Pipeline, *events_: Event) -> None:
    async with line.database.transaction() as tx:
        await events.record(tx, events_, line.clock.now())


async def test_a_cadence_runs_to_its_end_and_each_mail_leaves_once(line: Pipeline) -> None:
    await line.enroll(3)
    await line.run(days=10)
    assert await line.rows(
        "select step, count(*) from touch where status = 'sent' group by 1 order by 1"
    ) == [
        ("again", 3),
        ("hello", 3),
    ]
    assert (
        await line.rows("select status, outcome from enrollment")
        == [("finished", "no_response")] * 3
    )
    assert len(line.world.sent) == 6
    assert await line.value("select count(*) from due") == 0
    assert await line.value("select count(*) from batch") == 0
    assert await line.value("select count(*) from journal") == 0


async def test_a_follow_up_cites_the_mails_before_it(line: Pipeline) -> None:
    await line.enroll()
    await line.run(days=10)
    first, second = line.world.sent
    assert isinstance(first, OutboundEmail)
    assert isinstance(second, OutboundEmail)
    assert first.in_reply_to is None
    assert second.in_reply_to == f"<{first.touch_id}@scripted>"
    assert second.subject == "Re: Hello Zoé"


async def test_links_are_tracked_and_the_opt_out_is_not(line: Pipeline) -> None:
    await line.enroll()
    await line.run(days=1)
    (mail,) = line.world.sent
    assert isinstance(mail, OutboundEmail)
    click = line.links.click(mail.touch_id, "https://example.com/a?b=1&c=2")
    assert click.replace("&", "&amp;") in mail.html
    assert line.links.pixel(mail.touch_id) in mail.html
    assert mail.unsubscribe_url is not None
    assert f'"{mail.unsubscribe_url}"' in mail.html
    assert "https://example.com/a?b=1&c=2" in mail.text


async def test_an_ambiguous_send_is_unknown_and_is_not_repeated(line: Pipeline) -> None:
    error = AmbiguousSendError("no answer")
    error.after_begin = True  # type: ignore[attr-defined]
    line.world.answers["p1@example.com"] = error
    await line.enroll()
    await line.run(days=1)
    assert await line.rows(LEDGER) == [("hello", "unknown", None)]
    assert len(line.world.sent) == 1
    assert await line.value("select step from enrollment") == "again"


async def test_later_evidence_reconciles_an_unknown_touch(line: Pipeline) -> None:
    error = AmbiguousSendError("no answer")
    error.after_begin = True  # type: ignore[attr-defined]
    line.world.answers["p1@example.com"] = error
    await line.enroll()
    await line.run(days=1)
    touch_id = await line.value("select id from touch")
    await record(line, reply(touch_id, line, EventType.OPENED))
    await line.work()
    assert await line.rows(LEDGER) == [("hello", "sent", None)]
    assert await line.value("select reconciled_by from touch") is not None


async def test_a_transient_failure_is_tried_again_later_with_a_reason(line: Pipeline) -> None:
    line.world.answers["p1@example.com"] = TransientSendError(
        "busy", code="451", retry_after=timedelta(minutes=10)
    )
    await line.enroll()
    before = await line.value("select due_at from due")
    line.clock.advance(before - line.clock.now())
    await line.work()
    assert await line.rows("select reason, attempts, due_at > planned_at from due") == [
        ("provider_deferred", 1, True)
    ]
    line.world.answers.clear()
    await line.run(days=1)
    assert await line.rows(LEDGER) == [("hello", "sent", None)]


async def test_a_touch_that_never_gets_through_fails_in_the_end(line: Pipeline) -> None:
    line.world.answers["p1@example.com"] = TransientSendError("busy", code="451")
    await line.enroll()
    await line.run(days=20)
    assert ("hello", "failed", "451") in await line.rows(LEDGER)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (PermanentSendError("no such user", code="550 5.1.1", recipient_invalid=True), "bounced"),
        (PermanentSendError("has texted STOP", code="21610", opted_out=True), "opted_out"),
        (PermanentSendError("refused", code="554 5.7.1"), "no_response"),
    ],
)
async def test_a_permanent_failure_ends_the_touch_and_a_wrong_address_the_cadence(
    line: Pipeline, error: SendError, outcome: str
) -> None:
    line.world.answers["p1@example.com"] = error
    await line.enroll()
    await line.run(days=10)
    assert (await line.rows(LEDGER))[0] == ("hello", "failed", error.code)
    assert await line.value("select outcome from enrollment") == outcome
    suppressed = await line.value(
        "select count(*) from suppression where key = 'email:p1@example.com'"
    )
    assert suppressed == (1 if outcome == "bounced" else 0)


async def test_a_stop_between_claim_and_send_withholds_the_touch(line: Pipeline) -> None:
    async def stop(_: Outbound) -> None:
        line.world.before_begin = None
        await line.execute("update enrollment set status = 'finished', outcome = 'replied'")

    line.world.before_begin = stop
    await line.enroll()
    await line.run(days=1)
    assert line.world.sent == []
    assert await line.rows(LEDGER) == []
    assert await line.value("select count(*) from due") == 0


async def test_a_reply_stops_the_cadence_and_is_notified_once(line: Pipeline) -> None:
    await line.enroll()
    await line.run(days=1)
    touch_id = await line.value("select id from touch")
    await record(line, reply(touch_id, line), reply(touch_id, line))
    await line.work()
    await record(line, reply(touch_id, line))
    await line.run(days=10)
    assert await line.rows("select status, outcome from enrollment") == [("finished", "replied")]
    assert await line.value("select count(*) from event") == 1
    assert await line.notifier.notify_all() == 1
    assert await line.notifier.notify_all() == 0
    mail = line.world.sent[-1]
    assert isinstance(mail, OutboundEmail)
    assert mail.recipient == "anna@reps.example"
    assert mail.reply_to == "p1@example.com"
    assert "> Yes, please." in mail.text


async def test_a_name_with_line_breaks_does_not_keep_the_answer_from_its_owner(
    line: Pipeline,
) -> None:
    await line.enroll(first_name="Zoé\r\nBcc: everybody@example.com")
    await line.run(days=1)
    await record(line, reply(await line.value("select id from touch"), line))
    await line.run(days=1)
    assert await line.notifier.notify_all() == 1
    mail = line.world.sent[-1]
    assert isinstance(mail, OutboundEmail)
    assert b"\r\nBcc:" not in MailComposer().compose(mail).data.partition(b"\r\n\r\n")[0]


async def test_an_event_about_a_touch_in_flight_waits_for_its_commit(line: Pipeline) -> None:
    seen: list[int] = []

    async def hear_at_once(touch: Outbound) -> None:
        await record(line, reply(touch.touch_id, line, EventType.DELIVERED))
        seen.append(await line.applier.apply_all())

    line.world.after_begin = hear_at_once
    await line.enroll()
    await line.run(days=1)
    assert seen == [1]
    await line.execute("update inbox set not_before = '-infinity'")
    await line.applier.apply_all()
    assert await line.rows("select type, step from event") == [("delivered", "hello")]


async def test_the_daily_cap_puts_the_rest_off_to_the_next_day(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, file=accounts(per_day=4)) as line:
        await line.enroll(10)
        await line.run(days=0.5)
        assert len(line.world.sent) == 4
        assert await line.rows("select distinct reason from due where step = 'hello'") == [
            ("account_per_day",)
        ]
        await line.run(days=1)
        assert len(line.world.sent) == 8
        most = await line.value("select max(used) from quota_use")
        assert most == 4


async def test_the_gap_between_two_mails_of_an_account_is_kept(
    database_url: str, redis_url: str
) -> None:
    async with pipeline(database_url, redis_url, file=accounts(min_gap="10 minutes")) as line:
        await line.enroll(10)
        await line.run(days=1)
        times = [t for (t,) in await line.rows("select began_at from touch order by began_at")]
        assert len(times) == 10
        # Permits are ten minutes apart; a body leaves some milliseconds after its permit.
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert min(gaps) > timedelta(minutes=9, seconds=59)


async def test_a_dead_limiter_defers_and_sends_nothing(line: Pipeline) -> None:
    async with pipeline(
        line.database.engine.url.render_as_string(hide_password=False),
        "unix:///nonexistent.sock",
        file=accounts(min_gap="1 minute"),
    ) as broken:
        await broken.enroll()
        due = await broken.value("select min(due_at) from due")
        broken.clock.advance(due - broken.clock.now())
        for batch_id in await broken.release():
            await broken.delivery.deliver(batch_id)
        assert broken.world.sent == []
        assert await broken.rows("select reason from due") == [("limiter_unavailable",)]


async def test_a_missing_variable_pauses_with_the_reason(line: Pipeline) -> None:
    await line.enroll(first_name="")
    await line.run(days=1)
    assert line.world.sent == []
    ((status, reason),) = await line.rows("select status, reason from enrollment")
    assert status == "paused"
    assert "prospect.first_name" in reason


async def test_a_touch_that_missed_its_window_goes_in_the_next_one(line: Pipeline) -> None:
    await line.enroll()
    line.clock.advance(timedelta(hours=12))
    await line.work()
    assert line.world.sent == []
    assert await line.rows("select reason, due_at > $1 from due", line.clock.now()) == [
        ("window", True)
    ]
    await line.run(days=1)
    assert len(line.world.sent) == 1


async def test_a_batch_that_was_taken_over_commits_nothing(line: Pipeline) -> None:
    async def lose_it(_: Outbound) -> None:
        async with line.database.transaction() as tx:
            await batches.expire_worker(tx, "worker")
            await batches.seal_expired(tx, 10)

    line.world.before_begin = lose_it
    await line.enroll()
    due = await line.value("select min(due_at) from due")
    line.clock.advance(due - line.clock.now())
    (batch_id,) = await line.release()
    await line.delivery.deliver(batch_id)
    assert line.world.sent == []
    assert await line.value("select count(*) from batch") == 1


async def test_two_workers_hinted_at_the_same_batch_send_once(line: Pipeline) -> None:
    await line.enroll(5)
    line.clock.advance(timedelta(hours=1))
    await line.execute("update due set due_at = $1", line.clock.now())
    (batch_id,) = await line.release()
    await asyncio.gather(*(line.delivery.deliver(batch_id) for _ in range(4)))
    assert len(line.world.sent) == 5
