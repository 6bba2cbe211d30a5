from dataclasses import replace

import pytest

from cadenza.model import (
    EnrollmentStatus,
    EventType,
    Outcome,
    Transition,
)
from tests.cadenza.planner.courses import (
    DAY,
    FORK,
    MONDAY,
    THREE_MAILS,
    Walk,
    cadence,
)


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (EventType.REPLIED, Outcome.REPLIED),
        (EventType.BOUNCED, Outcome.BOUNCED),
        (EventType.UNSUBSCRIBED, Outcome.OPTED_OUT),
        (EventType.COMPLAINED, Outcome.OPTED_OUT),
        (EventType.MEETING_BOOKED, Outcome.WON),
    ],
)
def test_event_ends_a_sales_cadence(event: EventType, outcome: Outcome) -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    done = walk.hear(event, "first")
    assert done.replaced
    assert not done.plans
    assert walk.finished
    assert walk.state.outcome is outcome
    assert walk.state.history["first"][event] == walk.now


@pytest.mark.parametrize("event", [EventType.SOFT_BOUNCED, EventType.DELIVERED])
def test_event_that_nobody_waits_for_changes_nothing(event: EventType) -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    before = walk.state
    assert walk.hear(event, "first") == Transition(state=before)


@pytest.mark.parametrize("event", [EventType.OPENED, EventType.CLICKED, EventType.AUTO_REPLIED])
def test_event_is_noted_and_the_plan_stays(event: EventType) -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    plan = walk.plan
    assert not walk.hear(event, "first").replaced
    assert walk.plan == plan
    assert event in walk.state.history["first"]
    assert walk.effects == []


def test_automatic_reply_is_never_a_reply() -> None:
    course = cadence(FORK.replace("clicked intro within 3 days", "replied intro within 3 days"))
    walk = Walk(course)
    walk.act()
    walk.hear(EventType.AUTO_REPLIED, "intro")
    assert walk.state.step == "fork"
    assert not walk.finished


def test_service_cadence_survives_replies_and_opt_outs() -> None:
    walk = Walk(cadence(THREE_MAILS, header="class: service"))
    walk.act()
    for event in (EventType.REPLIED, EventType.UNSUBSCRIBED, EventType.COMPLAINED):
        walk.hear(event, "first")
    assert not walk.finished
    walk.hear(EventType.BOUNCED, "first")
    assert walk.state.outcome is Outcome.BOUNCED


def test_exit_rule_of_the_file_wins() -> None:
    header = "exit: {replied: pause, bounced: continue, clicked: lost, meeting_booked: stop}"
    course = cadence(THREE_MAILS, header=header)
    walk = Walk(course)
    walk.act()
    walk.hear(EventType.BOUNCED, "first")
    assert walk.status() is EnrollmentStatus.ACTIVE
    walk.hear(EventType.REPLIED, "first")
    assert walk.status() is EnrollmentStatus.PAUSED
    walk.hear(EventType.CLICKED, "first")
    assert walk.state.outcome is Outcome.LOST


def test_owner_hears_of_the_first_response_only() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    walk.hear(EventType.OPENED, "first")
    walk.hear(EventType.REPLIED, "first")
    walk.hear(EventType.REPLIED, "second")
    walk.hear(EventType.REPLIED, None)
    told = [data for kind, data in walk.effects if kind == "notify_owner"]
    assert told == [{"event": "replied", "step": "first"}]


def test_owner_hears_of_a_response_after_the_end_too() -> None:
    walk = Walk(cadence(THREE_MAILS)).to_the_end()
    ended = walk.state
    done = walk.hear(EventType.REPLIED, "third")
    assert not done.replaced
    assert walk.state == replace(ended, history=walk.state.history)
    assert [kind for kind, _ in walk.effects] == ["notify_owner", "tell_colleagues"]


def test_same_event_again_changes_nothing() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    walk.hear(EventType.OPENED, "first")
    before = walk.state
    again = walk.hear(EventType.OPENED, "first", at=walk.now + DAY)
    assert again == Transition(state=before)


def test_event_about_no_step_is_kept_under_no_name() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.hear(EventType.MEETING_BOOKED)
    assert walk.state.history[""] == {EventType.MEETING_BOOKED: MONDAY}
