"""Lanes, pauses that end by themselves, versions and the log, on real servers."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from cadenza.by_hand.tasking import complete_task
from cadenza.catalog import apply_cadence
from cadenza.course.course import Happening
from cadenza.model import EnrollmentId, EnrollmentState, Occurrence, Outbound
from cadenza.planner import replay
from cadenza.storage import course_log, enrollments
from tests.support.pipeline import Pipeline, pipeline

ONE = EnrollmentId(1)
LANES = """
cadence: lanes
title: Two teams
objective: meeting_booked
days: calendar
window: {days: mon-sun, hours: "00:00-24:00"}
from: {email: outreach}
steps:
  - step: hello
    email: hello
  - step: work
    parallel:
      letters:
        - step: note
          email: hello
        - step: more
          email: hello
          after: 2 days
      desk:
        - step: check
          task: todo
          title: Check
          wait: done
    join: JOIN
  - step: bye
    email: hello
  - step: done
    end: no_response
"""
HELLO = '---\nsubject: "Hello {{ prospect.first_name }}"\n---\nDear {{ prospect.first_name }}.\n'


def sources(join: str = "all", **changes: str) -> Mapping[str, str]:
    text = LANES.replace("JOIN", join)
    for old, new in changes.items():
        text = text.replace(old, new)
    return {"lanes.yaml": text, "templates/hello.liquid": HELLO}


@pytest.fixture
async def lanes(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    async with pipeline(database_url, redis_url, sources=sources()) as made:
        yield made


@pytest.fixture
async def first_lane_wins(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    async with pipeline(database_url, redis_url, sources=sources("any")) as made:
        yield made


ASKING = """
cadence: asking
objective: meeting_booked
days: calendar
window: {days: mon-sun, hours: "00:00-24:00"}
from: {email: outreach}
steps:
  - step: where
    branch:
      - {when: prospect.country is FR, go: french}
      - else: done
  - step: french
    email: hello
  - step: rest
    wait: 4 days
  - step: now
    branch:
      - {when: prospect.country is DE, go: german}
      - else: done
  - step: german
    email: hello
  - step: done
    end: no_response
"""


@pytest.fixture
async def asking(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    files = {"asking.yaml": ASKING, "templates/hello.liquid": HELLO}
    async with pipeline(database_url, redis_url, sources=files) as made:
        yield made


async def happens(line: Pipeline, kind: str, **data: Any) -> None:
    now = line.clock.now()
    occurrence = Occurrence(kind=kind, at=now, data=data)
    async with line.database.transaction() as tx:
        await line.course.apply(tx, [Happening(enrollment_id=ONE, occurrence=occurrence)])


async def finish_task(line: Pipeline, task: int = 1) -> None:
    async with line.database.transaction() as tx:
        await complete_task(tx, task, "done", "", clock=line.clock)  # type: ignore[arg-type]


async def stored_and_replayed(line: Pipeline) -> tuple[EnrollmentState, EnrollmentState]:
    async with line.database.connection() as db:
        known = (await enrollments.load(db, [ONE]))[ONE]
        log = await course_log.read(db, ONE)
        ids = [row["id"] for row in await db.fetch("select id from cadence_version order by id")]
        await line.catalog.load(db, ids)
    versions = {number: line.catalog[number] for number in ids}
    places = line.accounts.places
    return known.state, replay(versions[ids[0]], known.profile, log, versions, places.of)


async def planned(line: Pipeline) -> list[str]:
    rows = await line.rows("select step from due order by step")
    return [step for (step,) in rows]


async def standing(line: Pipeline) -> list[str]:
    names: list[str] = await line.value("select standing from enrollment")
    return names


async def test_lanes_run_side_by_side_and_join(lanes: Pipeline) -> None:
    await lanes.enroll()
    await lanes.run(days=1)
    assert await standing(lanes) == ["work:1", "check:1", "more:1"]
    assert await planned(lanes) == ["more"]
    assert await lanes.value("select state from task") == "open"
    await lanes.run(days=3)
    # The other lane moved on: the task of this one is still to be done.
    assert await standing(lanes) == ["work:1", "check:1"]
    assert await lanes.value("select state from task") == "open"
    await finish_task(lanes)
    await lanes.run(days=1)
    done = await lanes.rows("select step, data from course_log where event = 'task_done'")
    assert done == [("check", {"disposition": "done", "visit": 1})]
    assert await lanes.value("select outcome from enrollment") == "no_response"
    sent = await lanes.rows("select step from touch order by id")
    assert sent == [("hello",), ("note",), ("more",), ("bye",)]
    stored, again = await stored_and_replayed(lanes)
    assert again == stored


async def test_a_lane_that_wins_closes_the_tasks_and_plans_of_the_others(
    first_lane_wins: Pipeline,
) -> None:
    line = first_lane_wins
    await line.enroll()
    await line.run(days=4)
    assert await line.value("select state from task") == "skipped"
    assert await line.rows("select step from touch order by id") == [
        ("hello",),
        ("note",),
        ("more",),
        ("bye",),
    ]


async def test_a_touch_of_a_lane_that_was_dropped_does_not_leave(first_lane_wins: Pipeline) -> None:
    line = first_lane_wins
    await line.enroll()
    await line.run(days=1)

    async def the_other_lane_ends(touch: Outbound) -> None:
        line.world.before_begin = None
        await finish_task(line)
        await line.applier.apply_all()

    line.world.before_begin = the_other_lane_ends
    await line.run(days=4)
    sent = await line.rows("select step from touch order by id")
    assert sent == [("hello",), ("note",), ("bye",)]
    stored, again = await stored_and_replayed(line)
    assert again == stored


async def test_a_touch_of_a_lane_that_goes_on_is_not_disturbed_by_another(lanes: Pipeline) -> None:
    await lanes.enroll()
    await lanes.run(days=1)

    async def the_other_lane_ends(touch: Outbound) -> None:
        lanes.world.before_begin = None
        await finish_task(lanes)
        await lanes.applier.apply_all()

    lanes.world.before_begin = the_other_lane_ends
    await lanes.run(days=4)
    sent = await lanes.rows("select step from touch order by id")
    assert sent == [("hello",), ("note",), ("more",), ("bye",)]


async def test_a_pause_of_some_days_ends_by_itself(lanes: Pipeline) -> None:
    await lanes.enroll()
    await lanes.run(days=1)
    await happens(lanes, "paused", days=5)
    assert await lanes.rows("select step, channel from due") == [("work", "timer")]
    await lanes.run(days=4)
    assert await lanes.value("select status from enrollment") == "paused"
    await lanes.run(days=2)
    assert await lanes.value("select status from enrollment") == "active"
    assert await lanes.value("select count(*) from touch where step = 'more'") == 1
    stored, again = await stored_and_replayed(lanes)
    assert again == stored


async def test_a_pause_does_not_end_while_a_worker_has_a_touch_from_before_it(
    lanes: Pipeline,
) -> None:
    await lanes.enroll()
    await lanes.run(days=1)
    lanes.clock.advance(timedelta(days=3))
    (batch,) = await lanes.release()
    await happens(lanes, "paused", days=1)
    lanes.clock.advance(timedelta(days=1, hours=1))
    await lanes.scheduler.make_pass()
    assert await lanes.value("select status from enrollment") == "paused"
    assert await lanes.value("select count(*) from due where channel = 'timer'") == 1
    await lanes.delivery.deliver(batch)
    await lanes.run(days=1)
    assert await lanes.value("select status from enrollment") == "active"
    assert await lanes.value("select count(*) from touch where step = 'more'") == 1


async def test_an_enrollment_goes_over_to_another_version(lanes: Pipeline) -> None:
    await lanes.enroll()
    await lanes.run(days=1)
    async with lanes.database.transaction() as tx:
        await apply_cadence(tx, sources(more="last"), lanes.clock.now())
    version = await lanes.value("select max(id) from cadence_version")
    with pytest.raises(ValueError, match="'more'"):
        await happens(lanes, "migrated", version=version)
    await happens(lanes, "migrated", version=version, mapping={"more": "last"})
    assert await lanes.value("select version_id from enrollment") == version
    assert await standing(lanes) == ["work:1", "check:1", "last:1"]
    assert await planned(lanes) == ["last"]
    await finish_task(lanes)
    await lanes.run(days=4)
    assert await lanes.value("select outcome from enrollment") == "no_response"
    stored, again = await stored_and_replayed(lanes)
    assert again == stored


async def test_the_log_leads_to_the_same_state_though_facts_changed_since(
    asking: Pipeline,
) -> None:
    line = asking
    await line.enroll()
    await line.run(days=3)
    await line.execute("update prospect set country = 'DE', fields = fields || '{\"size\": 7}'")
    await line.run(days=3)
    await line.execute("update prospect set country = 'IT', time_zone = 'Asia/Tokyo'")
    sent = await line.rows("select step from touch order by id")
    assert sent == [("french",), ("german",)]
    stored, again = await stored_and_replayed(line)
    assert again == stored
    kinds = await line.rows("select kind from course_log order by number")
    assert kinds.count(("facts",)) == 1


async def test_the_log_has_what_changed_something_and_nothing_else(lanes: Pipeline) -> None:
    await lanes.enroll()
    await lanes.run(days=1)
    await happens(lanes, "resumed")
    rows = await lanes.rows("select kind, step from course_log order by number")
    assert rows == [
        ("started", None),
        ("sent", "hello"),
        ("sent", "note"),
        ("opened_task", "check"),
    ]
