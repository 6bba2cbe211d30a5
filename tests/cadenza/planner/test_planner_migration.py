"""From one version of a cadence to the next, and a course again from its log."""

import pytest

from cadenza.model import EnrollmentState, EventType, Transition
from cadenza.planner import LogEntry, migrate, migrated, replay, state_to_json
from tests.cadenza.planner.courses import DAY, HOUR, MONDAY, THREE_MAILS, Walk, cadence, person
from tests.cadenza.planner.test_planner_lanes import REFUND

LATER = THREE_MAILS.replace("day: 3", "day: 4")
WITHOUT_SECOND = THREE_MAILS.replace(
    "- step: second\n  email: follow\n  thread: reply\n  day: 3\n", ""
)


def at_second() -> Walk:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    return walk


def migration(walk: Walk, steps: str, **mapping: str) -> Transition:
    new = cadence(steps)
    return migrated(
        walk.cadence, new, walk.state, walk.profile, mapping=mapping, now=walk.now + HOUR
    )


def test_the_same_version_changes_nothing() -> None:
    walk = at_second()
    assert migration(walk, THREE_MAILS) == Transition(state=walk.state)


def test_what_stands_at_a_step_that_is_still_there_stays_and_is_planned_by_the_new_one() -> None:
    walk = at_second()
    done = migration(walk, LATER)
    assert done.state == walk.state
    assert done.replaced == {"second:1"}
    assert walk.plan is not None
    assert done.plans[0].due_at.date() == (walk.plan.due_at + DAY).date()


def test_what_would_be_planned_alike_stays_planned() -> None:
    walk = at_second()
    done = migration(walk, THREE_MAILS.replace("end: no_response", "end: lost"))
    assert (done.replaced, done.plans) == (frozenset(), ())


def test_a_step_that_is_gone_needs_a_mapping() -> None:
    walk = at_second()
    with pytest.raises(ValueError, match="'second'"):
        migration(walk, WITHOUT_SECOND)
    done = migration(walk, WITHOUT_SECOND, second="third")
    assert done.state.step == "third"
    assert done.replaced == {"second:1"}
    assert done.state.reached_at == walk.state.reached_at


def lanes() -> Walk:
    walk = Walk(cadence(REFUND))
    walk.act("hello")
    return walk


def test_lanes_stay_where_they_stand() -> None:
    walk = lanes()
    done = migration(walk, REFUND.replace("day: 9", "day: 12"))
    assert done == Transition(state=walk.state)


def test_a_step_of_a_lane_that_is_gone_needs_a_mapping_inside_that_lane() -> None:
    walk = lanes()
    new = cadence(REFUND.replace("collect", "fetch"))
    for mapping in ({}, {"collect": "feedback"}):
        with pytest.raises(ValueError, match="'collect'"):
            migrate(walk.cadence, new, walk.state, mapping)
    moved = migrate(walk.cadence, new, walk.state, {"collect": "fetch"})
    assert moved.lanes["logistics"].step == "fetch"


def test_lanes_end_with_a_parallel_that_is_mapped() -> None:
    walk = lanes()
    done = migration(walk, THREE_MAILS.replace("first", "hello"), work="third")
    assert done.state.lanes == {}
    assert done.replaced == {"work:1", "collect:1", "repay:1"}
    assert [plan.position for plan in done.plans] == ["third:1"]


MORE = """    stock:
      - step: restock
        task: todo
        day: 2
        wait: done
  join: all
"""


def test_a_lane_that_is_new_begins_and_its_gaps_count_from_the_migration() -> None:
    walk = lanes()
    begun_on = walk.state.at("").reached_day
    done = migration(walk, REFUND.replace("  join: all\n", MORE))
    lane = done.state.lanes["stock"]
    assert (lane.step, lane.reached_at, lane.reached_day) == ("restock", walk.now + HOUR, begun_on)
    assert {name: done.state.lanes[name] for name in walk.state.lanes} == walk.state.lanes
    assert done.replaced.isdisjoint({"collect:1", "repay:1"})
    (plan,) = done.plans
    assert (plan.position, plan.due_at > walk.now + HOUR) == ("restock:1", True)


def test_a_lane_that_has_only_another_name_does_not_begin_again() -> None:
    walk = lanes()
    walk.act("repay")
    walk.hear(EventType.TASK_DONE, "repay", disposition="approved", at=walk.now + HOUR)
    assert [*walk.state.lanes] == ["logistics"]
    renamed = REFUND.replace("payments:", "money:")
    assert [*migration(walk, renamed).state.lanes] == ["logistics"]


def test_a_lane_that_is_new_does_not_begin_for_who_has_passed_the_parallel() -> None:
    walk = lanes()
    walk.state = migration(walk, REFUND, work="feedback").state
    assert walk.state.step == "feedback"
    assert migration(walk, REFUND.replace("  join: all\n", MORE)).state.lanes == {}


def test_a_finished_enrollment_stays_as_it_is() -> None:
    walk = Walk(cadence(THREE_MAILS)).to_the_end()
    assert migration(walk, WITHOUT_SECOND) == Transition(state=walk.state)


def logged(*entries: LogEntry) -> EnrollmentState:
    versions = {2: cadence(LATER)}
    return replay(cadence(THREE_MAILS), person(), entries, versions)


STARTED = LogEntry(now=MONDAY, kind="started", at=MONDAY)


def test_a_log_with_a_migration_leads_to_the_same_state() -> None:
    walk = at_second()
    sent = LogEntry(now=walk.now, kind="sent", at=walk.now, step="first", data={"visit": 1})
    over = LogEntry(now=walk.now, kind="migrated", at=walk.now, data={"version": 2})
    assert logged(STARTED, sent, over) == walk.state


def test_a_log_that_began_later_goes_on_from_there() -> None:
    walk = at_second()
    stood = LogEntry(now=walk.now, kind="stood", at=walk.now, data=state_to_json(walk.state))
    assert logged(stood) == walk.state


def test_a_log_without_a_beginning_is_refused() -> None:
    for entries in ((), (LogEntry(now=MONDAY, kind="paused", at=MONDAY),)):
        with pytest.raises(ValueError, match="begins"):
            logged(*entries)
