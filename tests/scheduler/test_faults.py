"""What goes wrong with one enrollment, batch or statement stays there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from cadenza.abc import Standing
from cadenza.by_hand.steering import steer
from cadenza.model import Channel, EnrollmentId, EnrollmentStatus, Verdict
from cadenza.steps.touch import TouchStep
from cadenza.storage import batches, due, shards
from cadenza.storage.database import Database
from tests.support.eventually import eventually, in_time
from tests.support.pipeline import TWO_MAILS, Pipeline, pipeline
from tests.support.rows import NOON, enrollments, plan

CALL_AND_MAIL: Mapping[str, str] = {
    "call.yaml": """
cadence: call
title: A call and a mail
objective: meeting_booked
from: {email: outreach}
steps:
  - step: call
    task: call
    title: "Call {{ prospect.first_name }}"
    wait: 2 days
  - step: hello
    email: hello
  - step: done
    end: no_response
""",
    "templates/hello.liquid": TWO_MAILS["templates/hello.liquid"],
}
REFUSE = """create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not this one'; end $$"""
ALL_SHARDS = range(256)


@pytest.fixture
async def calls(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    async with pipeline(database_url, redis_url, sources=CALL_AND_MAIL) as made:
        yield made


async def come_due(line: Pipeline) -> None:
    moment = await line.value("select max(due_at) from due")
    line.clock.advance(max(timedelta(), moment - line.clock.now()))


async def resume_all(line: Pipeline) -> None:
    async with line.database.transaction() as tx:
        ids = [row["id"] for row in await tx.fetch("select id from enrollment order by id")]
        paused = {EnrollmentStatus.PAUSED}
        await steer(tx, ids, "resumed", {}, statuses=paused, course=line.course, clock=line.clock)


async def test_a_task_that_cannot_be_written_is_held_with_its_reason(calls: Pipeline) -> None:
    await calls.enroll(2)
    await calls.execute("update prospect set fields = '{}' where email = 'p1@example.com'")
    await come_due(calls)
    await calls.work()
    assert await calls.rows(
        "select status, reason like '%first_name%' from enrollment order by id"
    ) == [("paused", True), ("active", None)]
    assert await calls.rows("select title from task") == [("Call Zoé",)]
    await calls.execute("""update prospect set fields = '{"first_name": "Ann"}'""")
    await resume_all(calls)
    await come_due(calls)
    await calls.work()
    assert await calls.rows("select title from task order by id") == [("Call Zoé",), ("Call Ann",)]


async def test_a_turn_that_cannot_be_taken_is_put_off_and_holds_nobody_up(calls: Pipeline) -> None:
    await calls.enroll(3)
    await calls.execute(REFUSE)
    await calls.execute(
        """create trigger t before insert on task for each row
        when (new.enrollment_id = 2) execute function refuse()"""
    )
    await come_due(calls)
    await calls.work()
    assert await calls.rows("select enrollment_id from task order by 1") == [(1,), (3,)]
    assert await calls.rows("select channel, reason, attempts from due where reason <> ''") == [
        ("task", "error", 1)
    ]
    await calls.execute("drop trigger t on task")
    await come_due(calls)
    await calls.work()
    assert await calls.value("select count(*) from task") == 3


async def test_an_enrollment_that_cannot_be_planned_is_held_and_says_nothing_twice(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = TouchStep.plan

    def broken(step: TouchStep, standing: Standing) -> Verdict:
        if step.step_id == "again" and standing.profile.email == "p1@example.com":
            raise ZeroDivisionError
        return planned(step, standing)

    await line.enroll(3)
    monkeypatch.setattr(TouchStep, "plan", broken)
    await line.run(days=10)
    assert await line.rows("select status, reason from enrollment order by status") == [
        ("finished", "sent"),
        ("finished", "sent"),
        ("paused", "cannot go on: ZeroDivisionError"),
    ]
    monkeypatch.setattr(TouchStep, "plan", planned)
    await resume_all(line)
    await line.run(days=10)
    assert await line.rows("select step, count(*) from touch group by 1 order by 1") == [
        ("again", 3),
        ("hello", 3),
    ]
    assert len(line.world.sent) == 6


async def test_a_timer_whose_enrollment_is_being_changed_is_left_for_the_next_pass(
    calls: Pipeline,
) -> None:
    """Who applies an event holds the enrollment and then wants its row in `due`."""
    await calls.enroll(2)
    await come_due(calls)
    async with calls.database.transaction() as tx:
        await tx.execute("select 1 from enrollment where id = 1 for no key update")
        async with in_time():
            await calls.scheduler.make_pass()
        await due.forget(tx, [(EnrollmentId(1), "call:1")])
    assert await calls.rows("select enrollment_id from task") == [(2,)]


async def test_a_batch_that_cannot_be_settled_holds_nobody_up(line: Pipeline) -> None:
    line.scheduler._pace = replace(line.scheduler._pace, batch_size=1)
    await line.enroll(3)
    await come_due(line)
    for batch_id in await line.release():
        async with line.database.transaction() as tx:
            await batches.claim(tx, batch_id, "worker", 30)
    await line.execute("truncate journal_generation")  # a crash of PostgreSQL: all are unknown
    await line.execute(REFUSE)
    await line.execute(
        """create trigger t before insert on touch for each row
        when (new.enrollment_id = 2) execute function refuse()"""
    )
    async with line.database.transaction() as tx:
        await batches.expire_worker(tx, "worker")
    await line.scheduler._keep_house()
    assert await line.rows("select enrollment_id, began_at from touch order by 1") == [
        (1, None),
        (3, None),
    ]
    await line.execute("drop trigger t on touch")
    await line.execute("update batch set lease_until = '-infinity'")
    await line.scheduler._keep_house()
    assert await line.value("select count(*) from touch") == 3


async def test_a_scheduler_goes_on_after_an_error(line: Pipeline) -> None:
    await line.enroll()
    await come_due(line)
    await line.execute("alter table due rename to elsewhere")
    stop = asyncio.Event()
    running = asyncio.create_task(line.scheduler.run(stop))
    await eventually(lambda: line.value("select count(*) from scheduler_process"))
    await line.execute("alter table elsewhere rename to due")
    await eventually(lambda: line.value("select count(*) from batch"))
    stop.set()
    await running


async def test_schedulers_that_come_back_together_do_not_wait_for_each_other(
    database_url: str,
) -> None:
    async with Database(database_url) as database:

        async def live(name: str) -> None:
            async with database.transaction() as tx:
                await shards.heartbeat(tx, name, 10)

        for _ in range(20):
            await asyncio.gather(*(live(name) for name in "abcd"))
            async with database.connection() as db:
                assert await db.fetchval("select count(*) from scheduler_process") == 4
                await db.execute("update scheduler_process set seen_at = '-infinity'")


@pytest.mark.parametrize(
    ("channel", "lead"), [(Channel.EMAIL, 60), (Channel.TIMER, 0), (Channel.TASK, 0)]
)
async def test_the_next_moment_is_when_there_is_something_to_do(
    database_url: str, channel: Channel, lead: int
) -> None:
    minute, second = timedelta(minutes=1), timedelta(seconds=1)
    async with Database(database_url) as database, database.transaction() as tx:
        await plan(tx, await enrollments(tx, 1), due_at=NOON + 5 * minute, channel=channel)
        moment = await due.next_moment(tx, ALL_SHARDS, NOON, minute)
        assert moment == NOON + 5 * minute - lead * second
        await due.stage(
            tx,
            scheduler="s",
            shards=ALL_SHARDS,
            now=NOON + 5 * minute - 30 * second,
            until=NOON + 5 * minute + 30 * second,
            size=10,
            most=10,
        )
        staged = await tx.fetchval("select min(release_at) from batch")
        assert await due.next_moment(tx, ALL_SHARDS, NOON, minute) == (staged or NOON + 5 * minute)


async def test_what_is_to_be_staged_is_not_hidden_by_an_earlier_timer(database_url: str) -> None:
    second = timedelta(seconds=1)
    async with Database(database_url) as database, database.transaction() as tx:
        ids = await enrollments(tx, 2)
        await plan(tx, ids[:1], due_at=NOON + 20 * second, channel=Channel.TIMER)
        await plan(tx, ids[1:], due_at=NOON + 40 * second)
        assert await due.next_moment(tx, ALL_SHARDS, NOON, 60 * second) <= NOON
        assert await due.next_moment(tx, ALL_SHARDS, NOON, 0 * second) == NOON + 20 * second
