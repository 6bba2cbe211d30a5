"""Opens and clicks of machines are heard raw, those of people as themselves too."""

import itertools
from datetime import timedelta

import pytest

from cadenza.model import Event, EventType, TouchId, TouchRef
from cadenza.storage import events
from tests.support.pipeline import Pipeline

_numbers = itertools.count()


async def opened(
    line: Pipeline, event_type: EventType, *, after_seconds: float = 600, **data: str
) -> set[str]:
    """One mail is opened or clicked; what its enrollment has heard of it then."""
    await line.enroll()
    await line.run(days=1)
    ((touch_id, began_at),) = await line.rows("select id, began_at from touch")
    event = Event(
        source="test",
        external_id=str(next(_numbers)),
        type=event_type,
        occurred_at=began_at + timedelta(seconds=after_seconds),
        about=[TouchRef(touch_id=TouchId(touch_id))],
        data=data,
    )
    async with line.database.transaction() as tx:
        await events.record(tx, [event], line.clock.now())
    await line.work()
    course = await line.value("select course from enrollment")
    return {name for name in course["history"]["hello"] if event_type in name}


async def count(line: Pipeline, metric: str) -> int | None:
    value: int | None = await line.value(
        "select sum(value)::int from rollup where metric = $1", metric
    )
    return value


@pytest.mark.parametrize("event_type", [EventType.OPENED, EventType.CLICKED])
async def test_a_persons_is_heard_both_ways(line: Pipeline, event_type: EventType) -> None:
    heard = await opened(line, event_type, by="person")
    assert heard == {str(event_type), f"raw:{event_type}"}
    assert await count(line, f"first:{event_type}") == 1
    assert await count(line, f"event:machine_{event_type}") is None


@pytest.mark.parametrize("event_type", [EventType.OPENED, EventType.CLICKED])
async def test_a_machines_is_heard_raw_alone_and_counted_apart(
    line: Pipeline, event_type: EventType
) -> None:
    heard = await opened(line, event_type, by="machine")
    assert heard == {f"raw:{event_type}"}
    assert await count(line, f"event:machine_{event_type}") == 1
    assert await count(line, f"event:{event_type}") is None
    assert await count(line, f"first:{event_type}") is None


@pytest.mark.parametrize(
    ("event_type", "seconds", "by_person"),
    [
        (EventType.OPENED, 1.9, False),
        (EventType.OPENED, 2.0, True),
        (EventType.CLICKED, 4.9, False),
        (EventType.CLICKED, 5.0, True),
    ],
)
async def test_who_is_too_quick_is_a_machine(
    line: Pipeline, event_type: EventType, seconds: float, by_person: bool
) -> None:
    heard = await opened(line, event_type, after_seconds=seconds, by="person")
    assert (str(event_type) in heard) is by_person
    assert f"raw:{event_type}" in heard


async def test_what_nothing_is_known_of_counts_as_a_persons(line: Pipeline) -> None:
    heard = await opened(line, EventType.OPENED, after_seconds=0)
    assert heard == {"opened", "raw:opened"}


async def test_a_machines_open_still_shows_that_an_unknown_mail_arrived(line: Pipeline) -> None:
    await line.enroll()
    await line.run(days=1)
    await line.execute("update touch set status = 'unknown'")
    touch_id = await line.value("select id from touch")
    event = Event(
        source="test",
        external_id=str(next(_numbers)),
        type=EventType.OPENED,
        occurred_at=line.clock.now(),
        about=[TouchRef(touch_id=TouchId(touch_id))],
        data={"by": "machine"},
    )
    async with line.database.transaction() as tx:
        await events.record(tx, [event], line.clock.now())
    await line.work()
    assert await line.value("select status from touch") == "sent"
