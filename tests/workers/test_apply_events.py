"""Events that meet touches in flight, each other, and what cannot be applied."""

import asyncio
import itertools
import random

import pytest

from cadenza.model import (
    AddressRef,
    Channel,
    Event,
    EventType,
    MessageRef,
    Outbound,
    Reference,
    TouchId,
    TouchRef,
)
from cadenza.recorder import DatabaseRecorder
from cadenza.storage import events
from cadenza.storage.suppressions import Ban
from cadenza.suppression.suppressing import suppress
from tests.support.eventually import eventually
from tests.support.pipeline import Pipeline

_numbers = itertools.count()
SOMEBODY_WAITS = """select count(*) > 0 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'"""


def about(line: Pipeline, event_type: EventType, *references: Reference, **data: object) -> Event:
    return Event(
        source="test",
        external_id=str(next(_numbers)),
        type=event_type,
        occurred_at=line.clock.now(),
        about=references,
        data=data,
    )


def of_person(line: Pipeline, n: int, event_type: EventType = EventType.UNSUBSCRIBED) -> Event:
    address = AddressRef(channel=Channel.EMAIL, address=f"p{n}@example.com")
    return about(line, event_type, address)


async def record(line: Pipeline, *events_: Event) -> None:
    async with line.database.transaction() as tx:
        await events.record(tx, events_, line.clock.now())


async def test_a_suppression_that_is_being_committed_is_waited_for_and_heeded(
    line: Pipeline,
) -> None:
    held, storing = asyncio.Event(), []

    async def store() -> None:
        async with line.database.transaction() as tx:
            ban = Ban(key="email:p1@example.com", reason="asked", source="test")
            await suppress(tx, [ban], clock=line.clock)
            held.set()
            await eventually(lambda: line.value(SOMEBODY_WAITS))

    async def opt_out(_: Outbound) -> None:
        storing.append(asyncio.create_task(store()))
        await held.wait()

    line.world.before_begin = opt_out
    await line.enroll()
    await line.run(days=1)
    await asyncio.gather(*storing)
    assert line.world.sent == []


async def test_an_opt_out_binds_at_once_though_its_touch_is_not_recorded_yet(
    line: Pipeline,
) -> None:
    """Somebody opens a mail and opts out while the rest of its batch is still being sent."""
    recorder = DatabaseRecorder(line.database, line.clock)
    forbidden: list[tuple[str]] = []

    async def opt_out(touch: Outbound) -> None:
        event = about(line, EventType.UNSUBSCRIBED, TouchRef(touch_id=touch.touch_id))
        await recorder.record([event])
        forbidden.extend((key,) for (key,) in await line.rows("select key from suppression"))

    line.world.after_begin = opt_out
    await line.enroll()
    await line.run(days=1)
    assert forbidden == [("marketing:email:p1@example.com",)]


async def test_an_event_that_cannot_be_applied_does_not_hold_up_the_others(line: Pipeline) -> None:
    await line.enroll(2)
    await line.run(days=1)
    first, second = [touch_id for (touch_id,) in await line.rows("select id from touch order by 1")]
    broken = about(line, EventType.TASK_DONE, enrollment_id=987_654)
    await record(
        line,
        about(line, EventType.REPLIED, TouchRef(touch_id=first)),
        broken,
        about(line, EventType.REPLIED, TouchRef(touch_id=second)),
    )
    await line.applier.apply_all()
    assert await line.rows("select outcome from enrollment") == [("replied",)] * 2
    assert await line.rows(
        """select external_id, attempts, not_before > clock_timestamp() + interval '30 seconds'
        from inbox join event on id = event_id"""
    ) == [(broken.external_id, 1, True)]
    await line.execute("update inbox set not_before = '-infinity'")
    await line.applier.apply_all()
    assert await line.value("select attempts from inbox") == 2


@pytest.mark.parametrize("by_name", [False, True])
async def test_an_event_waits_for_its_touch_as_long_as_it_is_in_a_batch(
    line: Pipeline, by_name: bool
) -> None:
    kept: list[int] = []

    async def hear_at_once(touch: Outbound) -> None:
        reference: Reference = TouchRef(touch_id=touch.touch_id)
        if by_name:
            reference = MessageRef(
                channel=Channel.EMAIL, provider_id=line.links.message_id(touch.touch_id)
            )
        await record(line, about(line, EventType.OPENED, reference))
        for _ in range(20):
            await line.execute("update inbox set not_before = '-infinity'")
            await line.applier.apply_all()
        kept.append(await line.value("select count(*) from inbox"))

    line.world.after_begin = hear_at_once
    await line.enroll()
    await line.run(days=1)
    assert kept == [1]


async def test_an_event_about_nothing_that_is_known_is_given_up_in_the_end(line: Pipeline) -> None:
    await record(line, about(line, EventType.OPENED, TouchRef(touch_id=TouchId(4711))))
    tries = 0
    while await line.value("select count(*) from inbox"):
        await line.execute("update inbox set not_before = '-infinity'")
        await line.applier.apply_all()
        tries += 1
        assert tries < 20
    assert tries > 10


async def test_opt_outs_of_the_same_people_in_any_order_never_stand_in_each_others_way(
    line: Pipeline,
) -> None:
    await line.enroll(8)
    await line.run(days=1)
    recorder = DatabaseRecorder(line.database, line.clock)
    draw = random.Random(4)

    async def opt_out(event_type: EventType) -> None:
        people = draw.sample(range(1, 9), 8)
        await recorder.record([of_person(line, n, event_type) for n in people])
        await line.applier.apply_all()

    kinds = (EventType.UNSUBSCRIBED, EventType.COMPLAINED, EventType.BOUNCED)
    await asyncio.gather(*(opt_out(kinds[n % 3]) for n in range(24)))
    await line.applier.apply_all()
    assert await line.value("select count(*) from inbox") == 0
    assert await line.value("select count(*) from suppression") == 16  # of both kinds
    assert await line.rows("select distinct status from enrollment") == [("finished",)]
