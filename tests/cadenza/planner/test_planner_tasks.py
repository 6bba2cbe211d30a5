import pytest

from cadenza.model import (
    Channel,
    EventType,
    Occurrence,
    Outcome,
    Transition,
)
from tests.cadenza.planner.courses import CALL, DAY, HOUR, Walk, cadence


def test_task_opens_when_it_is_due_and_then_waits() -> None:
    walk = Walk(cadence(CALL))
    assert walk.planned_channel() is Channel.TASK
    opened = walk.act().due_at
    assert walk.effects == [("open_task", {"step": "call", "visit": 1})]
    assert walk.state.step == "call"
    assert walk.planned_channel() is Channel.TIMER
    assert walk.plan is not None
    assert walk.plan.due_at == opened + 2 * DAY


@pytest.mark.parametrize(
    ("disposition", "step"),
    [("connected", "thanks"), ("left_voicemail", "again"), ("no_answer", "again")],
)
def test_disposition_chooses_the_way(disposition: str, step: str) -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    walk.hear(EventType.TASK_DONE, "call", at=walk.now + HOUR, disposition=disposition)
    assert walk.state.step == step
    assert walk.state.reached_at == walk.now


def test_task_that_nobody_does_is_passed_over_in_time() -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    walk.act()
    assert walk.state.outcome is Outcome.NO_RESPONSE
    assert walk.state.reached_day == 3


def test_meeting_booked_on_the_phone_ends_the_cadence_without_telling_the_owner() -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    walk.hear(EventType.TASK_DONE, "call", disposition="meeting_booked")
    assert walk.state.outcome is Outcome.WON
    assert [kind for kind, _ in walk.effects] == ["open_task", "tell_colleagues"]


def test_task_without_a_wait_goes_on_at_once_and_its_outcome_counts_later() -> None:
    course = cadence(
        """
        - step: call
          task: call
          wait: none
        - step: rest
          wait: 2 days
        - step: fork
          branch:
            - when: disposition of call is connected
              go: won
            - else: done
        - step: won
          end: won
        - step: done
          end: no_response
        """
    )
    walk = Walk(course)
    walk.act()
    assert walk.state.step == "rest"
    assert not walk.hear(EventType.TASK_DONE, "call", disposition="connected").replaced
    walk.act()
    assert walk.state.outcome is Outcome.WON


def test_task_opened_twice_is_one_task() -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    before = walk.state
    again = walk.apply(Occurrence(kind="opened_task", at=walk.now, step="call"))
    assert again == Transition(state=before)
