"""Between two touches to one person lies the organisation's gap, whatever cadences they are of."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cadenza.catalog import apply_cadence
from cadenza.errors import AmbiguousSendError, TransientSendError
from cadenza.model import BatchId
from tests.support.pipeline import TWO_MAILS, Pipeline, accounts, pipeline
from tests.workers.test_enroll import message, person

GAP = timedelta(days=1)


@pytest.fixture
async def gapped(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    """A pipeline with a day between touches to one person, and two cadences that mail at once."""
    file = accounts()
    organisation = file.organisation.model_copy(update={"person_gap": GAP})
    file = file.model_copy(update={"organisation": organisation})
    other = {name.replace("two.", "b."): text for name, text in TWO_MAILS.items()}
    other["b.yaml"] = other["b.yaml"].replace("cadence: two", "cadence: b")
    async with pipeline(database_url, redis_url, file=file) as line:
        async with line.database.transaction() as tx:
            await apply_cadence(tx, other, line.clock.now())
        yield line


async def enroll(line: Pipeline, name: str, count: int = 1) -> None:
    rows = [person(n) for n in range(count)]
    receipt = await line.enroller.enroll(message(*rows, key=name, cadence=name))
    assert receipt.accepted == count


async def begin_now(line: Pipeline) -> None:
    """Let what is planned be due at this moment."""
    await line.execute("update due set due_at = $1, planned_at = $1", line.clock.now())


async def test_two_batches_at_once_touch_one_person_once(gapped: Pipeline) -> None:
    batches: list[BatchId] = []
    for name in ("two", "b"):
        await enroll(gapped, name, 5)
        await begin_now(gapped)
        batches += await gapped.release()
    assert len(batches) == 2
    await asyncio.gather(*(gapped.delivery.deliver(batch) for batch in batches))
    assert len(gapped.world.sent) == 5
    assert len({touch.recipient for touch in gapped.world.sent}) == 5
    put_off = await gapped.rows(
        """select due.reason, due.due_at - touch.began_at
        from due join enrollment on enrollment.id = due.enrollment_id
        join touch on touch.prospect_id = enrollment.prospect_id where due.step = 'hello'"""
    )
    assert {reason for reason, _ in put_off} == {"person_gap"}
    assert [later >= GAP for _, later in put_off] == [True] * 5


async def test_in_the_end_everybody_gets_everything_a_day_apart(gapped: Pipeline) -> None:
    for name in ("two", "b"):
        await enroll(gapped, name, 2)
    await gapped.run(days=14)
    assert len(gapped.world.sent) == 8
    rows = await gapped.rows(
        """select began_at - lag(began_at) over (partition by prospect_id order by began_at)
        from touch"""
    )
    gaps = [gap for (gap,) in rows if gap is not None]
    assert len(gaps) == 6
    assert min(gaps) >= GAP


async def test_two_touches_of_one_batch_are_a_gap_apart_too(gapped: Pipeline) -> None:
    for name in ("two", "b"):
        await enroll(gapped, name)
    await begin_now(gapped)
    (batch,) = await gapped.release()
    await gapped.delivery.deliver(batch)
    assert len(gapped.world.sent) == 1
    assert await gapped.rows("select count(*) from due where reason = 'person_gap'") == [(1,)]


async def test_what_may_have_arrived_counts_and_what_surely_did_not_leave_does_not(
    gapped: Pipeline,
) -> None:
    unknown = AmbiguousSendError("cut off")
    unknown.after_begin = True  # type: ignore[attr-defined]
    gapped.world.answers = {
        "p0@example.com": unknown,
        "p1@example.com": TransientSendError("later"),
    }
    await enroll(gapped, "two", 2)
    await begin_now(gapped)
    await asyncio.gather(*(gapped.delivery.deliver(b) for b in await gapped.release()))
    gapped.world.answers = {}
    gapped.world.sent.clear()
    await enroll(gapped, "b", 2)
    await gapped.execute(
        """update due set due_at = $1 where enrollment_id in (
            select e.id from enrollment e join cadence c on c.id = e.cadence_id
            where c.name = 'b')""",
        gapped.clock.now(),
    )
    await asyncio.gather(*(gapped.delivery.deliver(b) for b in await gapped.release()))
    assert [touch.recipient for touch in gapped.world.sent] == ["p1@example.com"]


async def test_a_gap_that_is_new_looks_at_the_ledger(gapped: Pipeline) -> None:
    await enroll(gapped, "two")
    await begin_now(gapped)
    await asyncio.gather(*(gapped.delivery.deliver(b) for b in await gapped.release()))
    await gapped.execute("delete from person_turn")
    await enroll(gapped, "b")
    await begin_now(gapped)
    await asyncio.gather(*(gapped.delivery.deliver(b) for b in await gapped.release()))
    assert len(gapped.world.sent) == 1
