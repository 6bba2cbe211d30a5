"""Who is put on the do-not-contact list in the very moment in which they begin."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from cadenza.course.course import Happening
from cadenza.model import AddressRef, Channel, EnrollmentId, Event, EventType, Occurrence
from cadenza.recorder import DatabaseRecorder
from cadenza.storage.database import Connection
from cadenza.suppression.do_not_contact import forbid
from tests.support.eventually import eventually, in_time
from tests.support.pipeline import Pipeline
from tests.workers.cadences import WAITS, cadence

ADDRESS = "p1@example.com"
STANDS = "select status, outcome, reason from enrollment order by id"
WAITING = """select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'"""
ENDED = ("finished", "opted_out")

_numbers = itertools.count()


@asynccontextmanager
async def held_up(line: Pipeline, table: str, doing: Awaitable[object]) -> AsyncIterator[None]:
    """Inside, `doing` waits before it writes to `table`; it is done afterwards."""
    async with line.database.transaction() as gate:
        await gate.execute(f"lock table {table} in exclusive mode")
        task = asyncio.ensure_future(doing)
        await somebody_waits(line)
        yield
    async with in_time():
        await task


async def somebody_waits(line: Pipeline, most: int = 1) -> None:
    async def are_there() -> bool:
        return int(await line.value(WAITING)) >= most

    await eventually(are_there)


async def put_on_the_list(line: Pipeline, tx: Connection) -> None:
    key = f"email:{ADDRESS}"
    await forbid(tx, [key], reason="r", source="s", course=line.course, clock=line.clock)


async def opt_out(line: Pipeline) -> None:
    event = Event(
        source="test",
        external_id=str(next(_numbers)),
        type=EventType.UNSUBSCRIBED,
        occurred_at=line.clock.now(),
        about=[AddressRef(channel=Channel.EMAIL, address=ADDRESS)],
    )
    await DatabaseRecorder(line.database, line.clock).record([event])
    await line.applier.apply_all()


async def stands(line: Pipeline) -> list[tuple[str, str | None]]:
    return [(status, outcome) for status, outcome, _ in await line.rows(STANDS)]


async def test_a_list_entry_made_while_they_begin_ends_what_began(line: Pipeline) -> None:
    async with held_up(line, "receipt_row", line.enroll(2)), line.database.transaction() as tx:
        await put_on_the_list(line, tx)
    assert await line.rows(STANDS) == [
        ("finished", "opted_out", "is on the do-not-contact list"),
        ("active", None, None),
    ]
    assert await line.value("select count(*) from due") == 1


async def test_an_opt_out_heard_while_they_begin_ends_what_began(line: Pipeline) -> None:
    async with held_up(line, "receipt_row", line.enroll()):
        await opt_out(line)
    assert await stands(line) == [ENDED]


async def test_an_entry_that_is_not_committed_yet_is_waited_for(line: Pipeline) -> None:
    async with line.database.transaction() as tx:
        await put_on_the_list(line, tx)
        enrolling = asyncio.create_task(line.enroll())
        await somebody_waits(line)
        assert await stands(line) == [("active", None)]
    async with in_time():
        await enrolling
    assert await stands(line) == [ENDED]


async def test_who_begins_by_a_signal_ends_like_that_too(line: Pipeline) -> None:
    await line.apply(cadence("told", "\nsignals: {ordered: start}", WAITS, kind="sales"))
    told = {"signal": "ordered", "prospect": {"email": ADDRESS, "country": "FR"}}
    document = {"key": "s", "signals": [told]}
    await line.signals.take(json.dumps(document).encode())
    begins = line.applier.apply_all()
    async with held_up(line, "reaction", begins), line.database.transaction() as tx:
        await put_on_the_list(line, tx)
    assert await stands(line) == [ENDED]


async def test_who_moves_on_meanwhile_ends_where_they_have_gone(line: Pipeline) -> None:
    steps = """
  - step: rest
    wait: 1 day
  - step: on
    move_to: two
"""
    await line.apply(cadence("first", "", steps, kind="sales"))
    document = {"key": "k", "cadence": "first", "prospects": [{"email": ADDRESS, "country": "FR"}]}
    await line.enroller.enroll(json.dumps(document).encode())
    occurrence = Occurrence(kind="moved", at=line.clock.now(), data={"step": "on"})

    async def ban() -> None:
        async with line.database.transaction() as tx:
            await put_on_the_list(line, tx)

    async with line.database.transaction() as moving:
        happening = Happening(enrollment_id=EnrollmentId(1), occurrence=occurrence)
        await line.course.apply(moving, [happening])
        banning = asyncio.create_task(ban())
        await somebody_waits(line)
    async with in_time():
        await banning
    assert await stands(line) == [("finished", "moved"), ENDED]


async def test_a_message_that_comes_again_ends_nobody_whom_something_reached(
    line: Pipeline,
) -> None:
    await line.enroll()
    await line.run(days=0.3)
    assert await line.value("select count(*) from touch") == 1
    await line.execute(
        "insert into suppression values ($1, 'bounced', 's', now())", f"email:{ADDRESS}"
    )
    await line.execute("update receipt set received_at = $1", line.clock.now())
    await line.enroll()
    assert await stands(line) == [("active", None)]
