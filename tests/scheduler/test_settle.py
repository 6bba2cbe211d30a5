"""What becomes of a batch whose worker is gone."""

from datetime import timedelta

from cadenza.abc import Draw
from cadenza.model import Outbound
from cadenza.storage import batches, journal, quotas
from tests.support.pipeline import Pipeline


async def crash_after(line: Pipeline, begun: int, *, answered: int = 0, segments: int = 1) -> None:
    """A worker claims the batch, begins `begun` touches, reads `answered` answers, and dies.

    segments: of each touch, as if they were texts.
    """
    due = await line.value("select max(due_at) from due")
    line.clock.advance(due - line.clock.now())
    (batch_id,) = await line.release()
    async with line.database.transaction() as tx:
        await journal.current_generation(tx)
        batch = await batches.claim(tx, batch_id, "worker", 30)
        assert batch is not None
        wanted = [
            (t.touch_id, line.ground.pacer.rules.caps(Draw(account=line.accounts.accounts[0])))
            for t in batch.touches
        ]
        costs = dict.fromkeys([t.touch_id for t in batch.touches], segments)
        await quotas.take(tx, batch, wanted, line.clock.now(), costs=costs)
        attempts = [
            journal.Attempt(
                batch_id=batch_id,
                epoch=batch.epoch,
                touch_id=t.touch_id,
                enrollment_id=t.enrollment_id,
                step=t.step,
                visit=t.visit,
                keys=[],
                at=line.clock.now(),
                expected_id=f"<{t.touch_id}@a.example>",
            )
            for t in batch.touches[:begun]
        ]
        said = {"status": "sent", "provider_id": "<x@relay>", "code": None}
        answers = [
            journal.Answer(
                batch_id=batch_id, epoch=batch.epoch, touch_id=a.touch_id, at=a.at, said=said
            )
            for a in attempts[:answered]
        ]
        await journal.append(tx, attempts, [])
        await journal.append(tx, [], answers)
        await batches.expire_worker(tx, "worker")


async def test_what_was_not_begun_is_sent_and_what_was_begun_is_unknown(line: Pipeline) -> None:
    await line.enroll(5)
    await crash_after(line, begun=2, answered=1)
    line.clock.advance(timedelta(seconds=1))
    await line.scheduler._keep_house()
    assert await line.rows("select status, count(*) from touch group by 1 order by 1") == [
        ("sent", 1),
        ("unknown", 1),
    ]
    assert await line.rows("select reason, count(*) from due where step = 'hello' group by 1") == [
        ("worker_lost", 3)
    ]
    await line.run(days=1)
    assert len(line.world.sent) == 3
    assert await line.value("select count(*) from touch") == 5


async def test_what_was_begun_keeps_its_segments_and_the_rest_gives_them_back(
    line: Pipeline,
) -> None:
    await line.enroll(5)
    await crash_after(line, begun=2, answered=1, segments=3)
    line.clock.advance(timedelta(seconds=1))
    await line.scheduler._keep_house()
    assert await line.rows("select distinct segments from touch") == [(3,)]
    assert await line.rows("select used from quota_use") == [(6,)]


async def test_an_unknown_mail_is_kept_under_its_message_id(line: Pipeline) -> None:
    await line.enroll()
    await crash_after(line, begun=1)
    await line.scheduler._keep_house()
    ((touch_id, provider_id),) = await line.rows("select id, provider_id from touch")
    assert provider_id == f"<{touch_id}@a.example>"


async def test_a_lost_journal_makes_every_touch_of_the_batch_unknown(line: Pipeline) -> None:
    await line.enroll(3)
    await crash_after(line, begun=1)
    # What PostgreSQL does to unlogged tables after a crash.
    await line.execute("truncate journal, journal_generation")
    await line.scheduler._keep_house()
    assert await line.rows("select status, count(*) from touch group by 1") == [("unknown", 3)]
    await line.run(days=1)
    assert line.world.sent == []


async def test_capacity_that_a_dead_worker_had_taken_is_given_back(line: Pipeline) -> None:
    class Death(BaseException):
        """The worker's."""

    async def die(_: Outbound) -> None:
        raise Death

    line.world.before_begin = die
    await line.enroll(4)
    due = await line.value("select max(due_at) from due")
    line.clock.advance(due - line.clock.now())
    for batch_id in await line.release():
        try:
            await line.delivery.deliver(batch_id)
        except* Death:
            pass
    assert await line.value("select sum(used) from quota_use") == 4
    async with line.database.transaction() as tx:
        await batches.expire_worker(tx, "worker")
    await line.scheduler._keep_house()
    assert await line.value("select sum(used) from quota_use") == 0
    assert await line.value("select count(*) from due where reason = 'worker_lost'") == 4


async def test_a_batch_that_nobody_heard_of_is_hinted_again(line: Pipeline) -> None:
    await line.enroll()
    due = await line.value("select max(due_at) from due")
    line.clock.advance(due - line.clock.now())
    (batch_id,) = await line.release()
    await line.execute("update batch set hinted_at = hinted_at - interval '1 minute'")
    await line.scheduler._keep_house()
    assert line.hints.released == [batch_id]
