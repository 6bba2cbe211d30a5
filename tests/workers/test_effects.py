"""What a step or an answer means for others: other cadences, colleagues, the status in the CRM."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cadenza.course.course import Happening
from cadenza.model import EnrollmentId, Event, EventType, Occurrence
from cadenza.planner import replay
from cadenza.storage import course_log, enrollments, events
from tests.support.pipeline import Pipeline
from tests.workers.cadences import cadence
from tests.workers.test_enroll import message, person

LISTENS = """
  - step: rest
    wait: {for: colleague replied, at_most: 20 days, otherwise: done}
  - step: after
    wait: 30 days
  - step: done
    end: no_response
"""
EXITS = "exit: {{replied: {{do: stop, outcome: replied, colleagues: {rule}}}}}"


async def enroll(line: Pipeline, name: str, *rows: Mapping[str, Any], key: str = "") -> None:
    receipt = await line.enroller.enroll(message(*rows, key=key or name, cadence=name))
    assert receipt.accepted == len(rows), receipt


async def happen(line: Pipeline, enrollment_id: int, event: EventType) -> None:
    now = line.clock.now()
    async with line.database.transaction() as tx:
        told = Event(
            source="test",
            external_id=f"{enrollment_id}:{event}:{now}",
            type=event,
            occurred_at=now,
            about=[],
            data={"enrollment_id": enrollment_id},
        )
        await events.record(tx, [told], now)
    await line.applier.apply_all()


async def stands(line: Pipeline) -> Sequence[tuple[Any, ...]]:
    return await line.rows(
        """select c.name, e.status, e.outcome, e.step from enrollment e
        join cadence c on c.id = e.cadence_id order by e.id"""
    )


async def check_replay(line: Pipeline) -> None:
    """The log of every enrollment leads to where it stands."""
    async with line.database.connection() as db:
        ids = [row["id"] for row in await db.fetch("select id from enrollment")]
        known = await enrollments.load(db, ids)
        await line.catalog.load(db, {e.version_id for e in known.values()})
        for enrollment_id, e in known.items():
            log = await course_log.read(db, enrollment_id)
            cadence_of, calendars = line.catalog[e.version_id], line.accounts.places.of
            state = replay(cadence_of, e.profile, log, calendar_of=calendars)
            assert state == e.state, enrollment_id


async def test_a_step_moves_people_on_with_what_is_known_of_the_subject(line: Pipeline) -> None:
    steps = """
  - step: rest
    wait: 1 day
  - step: on
    move_to: after
    carry: [total]
"""
    await line.apply(cadence("shop", steps=steps))
    await line.apply(cadence("after", "enroll: {cooldown: 30 days}"))
    subject = {"id": "o-1", "total": 30, "secret": 1, "parties": {"vendor": {"name": "V"}}}
    await enroll(line, "shop", person(1, subject=subject))
    await line.run(days=2)
    assert await stands(line) == [
        ("shop", "finished", "moved", "on"), ("after", "active", None, "rest"),
    ]  # fmt: skip
    assert await line.rows("select subject, subject_fields from enrollment where id = 2") == [
        ("o-1", {"total": 30, "parties": {"vendor": {"name": "V"}}})
    ]
    await check_replay(line)


async def test_who_cannot_move_on_waits_with_the_reason_and_tries_again_when_resumed(
    line: Pipeline,
) -> None:
    steps = """
  - step: rest
    wait: 1 day
  - step: on
    move_to: after
"""
    await line.apply(cadence("shop", steps=steps))
    await enroll(line, "shop", person(1))
    await line.run(days=2)
    assert [row[1] for row in await stands(line)] == ["paused"]
    reason = await line.value("select reason from enrollment")
    assert reason.startswith("cannot go on: there is no cadence 'after'")
    await check_replay(line)
    await line.apply(cadence("after"))
    await resume(line, 1)
    assert [row[:2] for row in await stands(line)] == [("shop", "finished"), ("after", "active")]
    await check_replay(line)


async def test_the_policy_of_the_other_cadence_counts_and_the_one_left_is_in_nobodys_way(
    line: Pipeline,
) -> None:
    steps = """
  - step: on
    move_to: after
"""
    await line.apply(cadence("shop", steps=steps))
    await line.apply(cadence("after", "enroll: {exclusive: yes, active: 1, when_full: refuse}"))
    await enroll(line, "shop", person(1), person(2))
    assert [row[:2] for row in await stands(line)] == [
        ("shop", "finished"), ("shop", "paused"), ("after", "active"),
    ]  # fmt: skip
    reason = await line.value("select reason from enrollment where status = 'paused'")
    assert reason == (
        "cannot go on: cadence after does not take them: "
        "1 are active in this cadence, as many as may be"
    )


async def test_staying_starts_the_other_and_goes_on(line: Pipeline) -> None:
    steps = """
  - step: on
    move_to: after
    stay: yes
  - step: rest
    wait: 3 days
  - step: done
    end: won
"""
    await line.apply(cadence("shop", steps=steps))
    await line.apply(cadence("after"))
    await enroll(line, "shop", person(1))
    assert await stands(line) == [
        ("shop", "active", None, "rest"), ("after", "active", None, "rest"),
    ]  # fmt: skip


async def test_cadences_that_move_people_in_a_circle_stop_somewhere(line: Pipeline) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        await line.apply(cadence(name, steps=f"\n  - step: on\n    move_to: {other}\n"))
    await enroll(line, "a", person(1))
    states = [row[1] for row in await stands(line)]
    assert states.count("paused") == 1
    assert len(states) < 10


async def test_a_colleagues_answer_stops_sales_and_not_service(line: Pipeline) -> None:
    await line.apply(cadence("s", EXITS.format(rule="stop"), kind="sales"))
    await line.apply(cadence("claim", kind="service"))
    rows = [person(n, company="Acme") for n in (1, 2)]
    await enroll(line, "s", *rows, person(3, company="Other"), person(4))
    await enroll(line, "claim", rows[1])
    await happen(line, 1, EventType.REPLIED)
    assert await stands(line) == [
        ("s", "finished", "replied", "rest"),
        ("s", "finished", "stopped", "rest"),
        ("s", "active", None, "rest"),
        ("s", "active", None, "rest"),
        ("claim", "active", None, "rest"),
    ]
    assert await line.value("select reason from enrollment where id = 2") == "a colleague: replied"
    assert await line.rows("select enrollment_id, what from reaction") == [(2, "stopped")]
    assert await line.value("select count(*) from due") == 3
    await check_replay(line)


async def test_a_colleagues_answer_pauses_for_some_days(line: Pipeline) -> None:
    await line.apply(cadence("s", EXITS.format(rule="pause 5 days"), kind="sales"))
    await enroll(line, "s", *(person(n, company="Acme") for n in (1, 2)))
    await happen(line, 1, EventType.REPLIED)
    assert [row[1] for row in await stands(line)] == ["finished", "paused"]
    await line.run(days=6)
    assert [row[1] for row in await stands(line)] == ["finished", "active"]
    await check_replay(line)


async def test_branches_hear_what_colleagues_did_now_and_before_they_began(line: Pipeline) -> None:
    await line.apply(cadence("plain", "exit: {replied: stop}", kind="sales"))
    await line.apply(cadence("ears", steps=LISTENS, kind="sales"))
    colleagues = [person(n, company="Acme") for n in range(1, 5)]
    await enroll(line, "plain", colleagues[0])
    await enroll(line, "ears", colleagues[1], key="before")
    await happen(line, 1, EventType.REPLIED)
    line.clock.advance(timedelta(days=5))
    await enroll(line, "ears", colleagues[2], key="soon")
    line.clock.advance(timedelta(days=90))
    await enroll(line, "ears", colleagues[3], key="late")
    steps = [(status, step) for name, status, _, step in await stands(line) if name == "ears"]
    assert steps[1:] == [("active", "after"), ("active", "rest")]
    assert steps[0][1] in ("after", "done")
    await check_replay(line)


async def test_the_time_in_each_status_is_known(line: Pipeline) -> None:
    statuses = """
statuses:
  field: Lead_Status
  none: {crm: "Aucun"}
  greeted: {from: none, crm: "Salutations"}
  closed: {from: greeted, crm: "Clos"}
"""
    steps = """
  - step: rest
    wait: 1 day
  - step: greet
    status: greeted
  - step: again
    wait: 2 days
  - step: skipped
    status: greeted
  - step: close
    status: closed
  - step: done
    end: won
"""
    await line.apply(cadence("crm", statuses, steps))
    await enroll(line, "crm", person(1))
    await line.run(days=7)
    rows = await line.rows("select status, entered_at, left_at from status_history order by id")
    assert [status for status, _, _ in rows] == ["none", "greeted", "closed"]
    begun: datetime = await line.value("select started_at from enrollment")
    assert rows[0][1] == begun
    assert all(left == entered for (_, _, left), (_, entered, _) in itertools.pairwise(rows))
    assert rows[-1][2] is None


async def resume(line: Pipeline, enrollment_id: int) -> None:
    async with line.database.transaction() as tx:
        resumed = Occurrence(kind="resumed", at=line.clock.now())
        await line.course.apply(
            tx, [Happening(enrollment_id=EnrollmentId(enrollment_id), occurrence=resumed)]
        )
