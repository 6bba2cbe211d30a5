import pytest

from cadenza.model import (
    Channel,
    EnrollmentStatus,
    EventType,
    Occurrence,
    Outcome,
    Transition,
)
from cadenza.planner import advance
from tests.cadenza.planner.courses import CALL, DAY, HOUR, MONDAY, THREE_MAILS, Walk, cadence, local


def test_stop_carries_its_outcome() -> None:
    walk = Walk(cadence(THREE_MAILS))
    done = walk.tell("stopped", outcome="disqualified", reason="a competitor")
    assert done.replaced
    assert not done.plans
    assert walk.state.outcome is Outcome.DISQUALIFIED
    assert walk.tell("stopped", outcome="won") == Transition(state=walk.state)


def test_stop_without_an_outcome_is_stopped() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.tell("stopped")
    assert walk.state.outcome is Outcome.STOPPED


def test_paused_enrollment_resumes_where_it_stood_and_not_before_its_time() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    plan = walk.plan
    assert walk.tell("paused").replaced
    assert walk.plan is None
    walk.tell("resumed", at=walk.now + HOUR)
    assert walk.plan == plan


def test_long_pause_shortens_no_gap() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    walk.tell("paused")
    walk.tell("resumed", at=MONDAY + 14 * DAY)
    assert local(walk.act(), walk.profile).day == 16
    assert local(walk.act(), walk.profile).day == 19


def test_what_arrives_during_a_pause_counts_after_it() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.tell("paused")
    sent = walk.apply(Occurrence(kind="sent", at=MONDAY + 3 * HOUR, step="first"))
    assert not sent.replaced
    assert walk.state.step == "first"
    walk.tell("resumed", at=MONDAY + 4 * HOUR)
    assert walk.state.step == "second"


def test_nothing_opens_or_elapses_during_a_pause() -> None:
    walk = Walk(cadence(CALL))
    walk.tell("paused")
    for kind in ("opened_task", "elapsed"):
        done = walk.apply(Occurrence(kind=kind, at=walk.now, step="call"))
        assert done == Transition(state=walk.state)
    walk.tell("resumed")
    assert walk.planned_channel() is Channel.TASK


def test_reply_after_a_pause_pauses_again_but_the_same_one_does_not() -> None:
    walk = Walk(cadence(THREE_MAILS, header="exit: {replied: pause}"))
    walk.act()
    first = walk.now
    walk.hear(EventType.REPLIED, "first", at=first)
    walk.tell("resumed", at=first + HOUR)
    walk.hear(EventType.REPLIED, "first", at=first)
    assert walk.status() is EnrollmentStatus.ACTIVE
    walk.hear(EventType.REPLIED, "first", at=first + 2 * HOUR)
    assert walk.status() is EnrollmentStatus.PAUSED


def test_unknown_kind_is_refused() -> None:
    walk = Walk(cadence(THREE_MAILS))
    for wrong in (
        Occurrence(kind="exploded", at=MONDAY),
        Occurrence(kind="sent", at=MONDAY),
        Occurrence(kind="event", at=MONDAY),
    ):
        with pytest.raises(ValueError, match="kind"):
            advance(walk.cadence, walk.state, walk.profile, wrong, MONDAY)
