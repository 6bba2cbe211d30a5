"""An opt-out from marketing, and what forbids everything: who is stopped, who goes on."""

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from cadenza.catalog import apply_cadence
from cadenza.fence import Fence
from cadenza.insight.explaining import explain_enrollment
from cadenza.model import (
    AddressRef,
    Channel,
    EnrollmentId,
    Event,
    EventType,
    Outbound,
    Reference,
    TouchId,
    TouchRef,
)
from cadenza.recorder import DatabaseRecorder
from cadenza.suppression.do_not_contact import forbid
from console.auditing import audit
from tests.support.pipeline import TWO_MAILS, Pipeline, pipeline
from tests.workers.cadences import WAITS, cadence

_numbers = itertools.count()

ORDER = {
    "order.yaml": """
cadence: order
title: What becomes of an order
objective: goal
class: service
window: {days: mon-fri, hours: "09:00-17:00"}
from: {email: outreach}
signals: {delayed: heard, came_back: reopen at later}
steps:
  - step: now
    email: hello
    day: 1
  - step: later
    email: again
    day: 3
  - step: done
    end: no_response
""",
    "templates/hello.liquid": TWO_MAILS["templates/hello.liquid"],
    "templates/again.liquid": '---\nsubject: "Again"\n---\nOnce more.\n',
}
STANDS = """select c.name, e.status, e.outcome from enrollment e
    join cadence c on c.id = e.cadence_id order by e.id"""
LISTED = "select key, reason from suppression order by key"
ADA: Mapping[str, Any] = {
    "email": "ada@example.com",
    "phone": "+33612345678",
    "first_name": "Ada",
    "country": "FR",
}
BY_ADDRESS = AddressRef(channel=Channel.EMAIL, address="ada@example.com")
BY_NUMBER = AddressRef(channel=Channel.SMS, address="+33612345678")


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    async with pipeline(database_url, redis_url, sources=TWO_MAILS) as made:
        async with made.database.transaction() as tx:
            await apply_cadence(tx, ORDER, made.clock.now())
        yield made


async def enroll(line: Pipeline, *cadences: str, **more: Any) -> list[tuple[str, str | None]]:
    """Ada, in each of these; the verdicts."""
    said: list[tuple[str, str | None]] = []
    for name in cadences:
        key = f"k{next(_numbers)}"
        document = {"key": key, "cadence": name, "prospects": [{**ADA, **more}]}
        await line.enroller.enroll(json.dumps(document).encode())
        said += await line.rows(
            """select verdict, receipt_row.reason from receipt_row join receipt on id = receipt_id
            where message_key = $1""",
            key,
        )
    return said


async def hear(line: Pipeline, event_type: EventType, *about: Reference, **data: object) -> None:
    event = Event(
        source="test",
        external_id=str(next(_numbers)),
        type=event_type,
        occurred_at=line.clock.now(),
        about=about,
        data=data,
    )
    await DatabaseRecorder(line.database, line.clock).record([event])
    await line.work()


async def touches(line: Pipeline) -> Mapping[str, TouchId]:
    """Step → a touch of it that was recorded."""
    return dict(await line.rows("select step, id from touch"))


async def nothing_is_broken(line: Pipeline) -> bool:
    report = await audit(line.database, line.catalog, line.accounts)
    return not report.violations


async def test_an_opt_out_ends_every_sales_cadence_and_no_service_one(line: Pipeline) -> None:
    await line.apply(cadence("other", kind="sales"))
    await enroll(line, "two", "order", "other")
    await line.run(days=1)
    await hear(line, EventType.UNSUBSCRIBED, TouchRef(touch_id=(await touches(line))["hello"]))
    assert await line.rows(STANDS) == [
        ("two", "finished", "opted_out"),
        ("order", "active", None),
        ("other", "finished", "opted_out"),
    ]
    assert await line.rows(LISTED) == [("marketing:email:ada@example.com", "unsubscribed")]
    await line.run(days=7)
    steps = [step for (step,) in await line.rows("select step from touch order by id")]
    assert sorted(steps) == ["hello", "later", "now"]
    assert await nothing_is_broken(line)


async def test_an_opt_out_from_a_service_mail_is_one_from_marketing(line: Pipeline) -> None:
    await enroll(line, "two", "order")
    await line.run(days=1)
    await hear(line, EventType.UNSUBSCRIBED, TouchRef(touch_id=(await touches(line))["now"]))
    assert await line.rows(STANDS) == [("two", "finished", "opted_out"), ("order", "active", None)]
    await line.run(days=7)
    assert "later" in await touches(line)


async def test_who_opted_out_begins_service_cadences_and_no_sales_ones(line: Pipeline) -> None:
    await enroll(line, "two")
    await hear(line, EventType.UNSUBSCRIBED, BY_ADDRESS)
    await line.run(days=1)
    said = await enroll(line, "two", "order")
    assert said == [("rejected", "opted out of marketing"), ("enrolled", None)]
    await line.run(days=7)
    assert set(await touches(line)) == {"now", "later"}


async def test_whoever_is_forbidden_everything_begins_nothing(line: Pipeline) -> None:
    await enroll(line, "two")
    await hear(line, EventType.COMPLAINED, BY_ADDRESS)
    assert await enroll(line, "two", "order") == [("rejected", "is on the do-not-contact list")] * 2


@pytest.mark.parametrize("event_type", [EventType.COMPLAINED, EventType.BOUNCED])
async def test_what_forbids_everything_wins_over_an_opt_out_before(
    line: Pipeline, event_type: EventType
) -> None:
    await enroll(line, "two", "order")
    await line.run(days=1)
    sent = await touches(line)
    await hear(line, EventType.UNSUBSCRIBED, TouchRef(touch_id=sent["hello"]))
    await hear(line, event_type, TouchRef(touch_id=sent["hello"]))
    await hear(line, EventType.UNSUBSCRIBED, BY_ADDRESS)
    assert await line.rows(LISTED) == [
        ("email:ada@example.com", event_type.value),
        ("marketing:email:ada@example.com", "unsubscribed"),
    ]
    await line.run(days=7)
    assert set(await touches(line)) == {"hello", "now"}
    assert await nothing_is_broken(line)


async def test_a_stop_by_text_forbids_that_number_everything_and_leaves_the_mails(
    line: Pipeline,
) -> None:
    await enroll(line, "two", "order")
    await line.run(days=1)
    await line.execute(
        """insert into touch select 999999, enrollment_id, prospect_id, cadence_id, version_id,
            'text', 1, 'sms', account, '+33612345678', 'sent', null, null, null, planned_at,
            due_at, window_end, began_at, recorded_at, null, null
        from touch where step = 'hello'"""
    )
    await hear(line, EventType.UNSUBSCRIBED, BY_NUMBER, how="text")
    assert await line.rows(LISTED) == [("phone:+33612345678", "unsubscribed")]
    assert await line.rows(STANDS) == [("two", "finished", "opted_out"), ("order", "active", None)]
    await line.run(days=7)
    assert "later" in await touches(line)


async def test_a_touch_that_waits_for_an_opt_out_goes_if_it_is_of_service(line: Pipeline) -> None:
    """Both are in a worker's hands when the opt-out is stored; neither has begun."""
    recorder = DatabaseRecorder(line.database, line.clock)

    async def opt_out(_: Outbound) -> None:
        line.world.before_begin = None
        event = Event(
            source="test",
            external_id="o",
            type=EventType.UNSUBSCRIBED,
            occurred_at=line.clock.now(),
            about=[BY_ADDRESS],
        )
        await recorder.record([event])

    line.world.before_begin = opt_out
    await enroll(line, "two", "order")
    await line.execute(
        """update due set due_at = (select max(due_at) from due), window_end = null"""
    )
    await line.run(days=1)
    assert set(await touches(line)) == {"now"}
    withheld = "select sum(value) from rollup where metric = 'deferred:withheld'"
    assert await line.value(withheld) == 1  # the sales mail, once, until its opt-out is seen


async def test_by_hand_everything_ends_unless_it_is_narrowed(line: Pipeline) -> None:
    await enroll(line, "two", "order")
    for key, ended in (("marketing:domain:example.com", 1), ("email:ada@example.com", 1)):
        async with line.database.transaction() as tx:
            done = await forbid(
                tx, [key], reason="r", source="s", course=line.course, clock=line.clock
            )
        assert (done.added, done.stopped) == (1, ended)
    assert await line.rows(STANDS) == [
        ("two", "finished", "opted_out"),
        ("order", "finished", "opted_out"),
    ]


async def test_who_opted_out_does_not_move_from_service_into_sales(line: Pipeline) -> None:
    steps = """
  - step: rest
    wait: 1 day
  - step: on
    move_to: two
"""
    await line.apply(cadence("first", "", steps))
    await enroll(line, "first")
    await hear(line, EventType.UNSUBSCRIBED, BY_ADDRESS)
    await line.execute(
        "insert into suppression values ('marketing:email:ada@example.com', 'r', 's', now())"
        " on conflict do nothing"
    )
    await line.run(days=3)
    assert await line.rows(STANDS) == [("first", "finished", "moved")]


async def test_a_signal_opens_service_again_for_who_opted_out(line: Pipeline) -> None:
    await line.apply(cadence("sold", "\nsignals: {came_back: reopen at rest}", WAITS, kind="sales"))
    subject = {"id": "order-1"}
    await enroll(line, "order", "sold", subject=subject)
    await line.execute(
        "insert into suppression values ('marketing:prospect:email:x', 'r', 's', now())"
    )
    async with line.database.transaction() as tx:
        await forbid(
            tx,
            ["marketing:email:ada@example.com"],
            reason="r",
            source="s",
            course=line.course,
            clock=line.clock,
        )
    await line.run(days=20)
    assert [status for _, status, _ in await line.rows(STANDS)] == ["finished", "finished"]
    document = {"key": "s", "signals": [{"signal": "came_back", "subject": "order-1"}]}
    await line.signals.take(json.dumps(document).encode())
    await line.applier.apply_all()
    assert [status for _, status, _ in await line.rows(STANDS)] == ["active", "finished"]


async def test_the_audit_judges_each_class_by_what_forbids_it(line: Pipeline) -> None:
    await enroll(line, "two", "order")
    await line.run(days=1)
    early = line.clock.now() - timedelta(days=7)
    listed = "insert into suppression values ($1, 'r', 's', $2)"
    await line.execute(listed, "marketing:domain:example.com", early)
    report = await audit(line.database, line.catalog, line.accounts)
    assert report.counts == {"to_suppressed": 1}
    await line.execute(listed, "domain:example.com", early)
    report = await audit(line.database, line.catalog, line.accounts)
    assert report.counts == {"to_suppressed": 2}


async def test_explain_tells_an_opt_out_from_an_entry_of_the_list(line: Pipeline) -> None:
    await enroll(line, "two", "order")
    await line.execute(
        "insert into suppression values ('marketing:email:ada@example.com', 'r', 's', now())"
    )

    async def gates(number: int) -> list[str]:
        async with line.database.snapshot() as db:
            fence = Fence("test", line.clock)
            found = await explain_enrollment(
                db, line.ground, fence, EnrollmentId(number), now=line.clock.now()
            )
        assert "marketing:email:ada@example.com" in found.suppressed
        return [g.says for w in found.waits_for for g in w.gates if g.name == "suppressed"]

    assert await gates(1) == ["whom it would reach opted out of marketing"]
    assert await gates(2) == []
    await line.execute(
        "insert into suppression values ('prospect:email:ada@example.com', 'r', 's', now())"
    )
    assert await gates(2) == ["whom it would reach is on the do-not-contact list"]
