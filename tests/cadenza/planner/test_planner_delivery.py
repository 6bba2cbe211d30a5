from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cadenza.model import (
    Channel,
    EventType,
    Occurrence,
    Outcome,
    Transition,
)
from cadenza.planner import start, state_from_json, state_to_json
from tests.cadenza.planner.courses import (
    CALL,
    DAY,
    HOUR,
    MONDAY,
    THREE_MAILS,
    Walk,
    cadence,
    local,
    person,
)


@pytest.mark.parametrize("kind", ["sent", "failed", "skipped"])
def test_settled_touch_moves_on(kind: str) -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.apply(Occurrence(kind=kind, at=MONDAY + 3 * HOUR, step="first"))
    assert walk.state.step == "second"
    assert walk.state.history["first"] == {kind: MONDAY + 3 * HOUR}
    assert walk.state.reached_at == MONDAY + 3 * HOUR


def test_word_about_an_earlier_visit_changes_nothing() -> None:
    walk = Walk(cadence(THREE_MAILS))
    old = Occurrence(kind="sent", at=MONDAY, step="first", data={"visit": 7})
    assert walk.apply(old) == Transition(state=walk.state)
    assert walk.state.step == "first"


def test_same_word_of_delivery_again_changes_nothing() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    before = walk.state
    again = Occurrence(kind="sent", at=walk.now + HOUR, step="first")
    assert walk.apply(again) == Transition(state=before)


def test_end_after_a_skipped_touch_comes_on_its_day() -> None:
    course = cadence(
        """
        - step: intro
          email: mail
          day: 1
        - step: text
          sms: Hi
          day: 4
        - step: done
          end: no_response
        """
    )
    walk = Walk(course, person(phone=None))
    walk.act()
    assert not walk.finished
    assert local(walk.plan, walk.profile) == datetime(2026, 3, 5, tzinfo=ZoneInfo("Europe/Paris"))
    walk.act()
    assert walk.finished


def test_word_about_another_step_is_only_noted() -> None:
    walk = Walk(cadence(THREE_MAILS))
    done = walk.apply(Occurrence(kind="sent", at=MONDAY, step="third"))
    assert not done.replaced
    assert (walk.state.step, list(walk.state.history)) == ("first", ["third"])


@pytest.mark.parametrize(
    ("lacking", "skipped"),
    [("email", "mail"), ("phone", "text"), ("profile", "hello")],
)
def test_touch_without_an_address_is_skipped(lacking: str, skipped: str) -> None:
    course = cadence(
        """
        - step: hello
          social: connect
          day: 1
        - step: mail
          email: mail
          day: 2
        - step: text
          sms: Hi
          day: 3
        - step: last
          task: todo
          day: 5
          wait: none
        - step: done
          end: no_response
        """
    )
    walk = Walk(course, person(**{lacking: None})).to_the_end()
    assert skipped not in walk.steps()
    assert "skipped" in walk.state.history[skipped]
    planned = {"hello": 2, "mail": 3, "text": 4, "last": 6}
    del planned[skipped]
    assert {plan.step: local(plan, walk.profile).day for plan in walk.acted} == planned


def test_branch_after_a_skipped_touch_is_decided_on_its_day() -> None:
    course = cadence(
        """
        - step: intro
          email: mail
          day: 1
        - step: text
          sms: Hi
          day: 4
        - step: fork
          branch:
            - when: opened intro
              go: yes-step
            - else: no-step
        - step: yes-step
          end: won
        - step: no-step
          end: lost
        """
    )
    walk = Walk(course, person(phone=None))
    walk.act()
    assert walk.plan is not None
    assert (walk.state.step, walk.plan.channel) == ("fork", Channel.TIMER)
    walk.hear(EventType.OPENED, "intro", at=MONDAY + DAY)
    assert walk.state.step == "fork"
    walk.act()
    assert walk.state.outcome is Outcome.WON


def test_state_survives_json() -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    walk.hear(EventType.TASK_DONE, "call", at=walk.now + timedelta(microseconds=1), disposition="x")
    assert state_from_json(state_to_json(walk.state)) == walk.state
    begun = start(walk.cadence, person(), MONDAY).state
    assert state_from_json(state_to_json(begun)) == begun
