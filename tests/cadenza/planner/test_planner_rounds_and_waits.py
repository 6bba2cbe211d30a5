"""`repeat`, the forms of `wait`, and tasks that wait without a time."""

from datetime import UTC, datetime

import pytest

from cadenza.model import Channel, EventType
from tests.cadenza.planner.courses import DAY, HOUR, Walk, cadence, local, person

CHASE = """
- step: chase
  repeat:
    - step: reminder
      email: mail
    - step: text
      sms: "Hello?"
      after: 1 day
  every: 1 week
  until: vendor_answered
  at_most: 3
- step: thanks
  sms: "Thank you"
- step: done
  end: no_response
"""
SIGNALS = "signals: {vendor_answered: heard}\ndays: calendar\nwindow: {days: mon-sun}"


def chasing() -> Walk:
    return Walk(cadence(CHASE, header=SIGNALS))


def test_rounds_come_as_often_as_they_may_and_leave_time_for_an_answer() -> None:
    walk = chasing().to_the_end()
    assert walk.steps(Channel.EMAIL) == ["reminder"] * 3
    assert walk.steps(Channel.EMAIL, Channel.SMS) == ["reminder", "text"] * 3 + ["thanks"]
    last, thanks = walk.acted[-3].due_at, walk.acted[-1].due_at
    assert (local(walk.acted[-1], walk.profile).date() - last.date()).days == 7
    assert thanks > last


def test_the_gap_counts_from_when_the_round_was_really_done() -> None:
    walk = chasing()
    walk.act("reminder")
    walk.act("text", late_by=5 * DAY)
    done = walk.now
    walk.act("chase")
    assert (local(walk.plan, walk.profile).date() - done.date()).days == 7


def test_what_is_waited_for_ends_the_rounds_at_once_while_it_rests() -> None:
    walk = chasing()
    walk.act("reminder")
    walk.act("text")
    walk.hear("vendor_answered", at=walk.now + DAY)
    assert list(walk.plans) == ["thanks:1"]


def test_what_came_before_makes_no_round() -> None:
    course = cadence("- step: rest\n  wait: 1 day\n" + CHASE, header=SIGNALS)
    walk = Walk(course)
    walk.hear("vendor_answered")
    walk.to_the_end()
    assert "reminder" not in walk.steps()


def test_rounds_are_counted_anew_when_the_repeat_is_reached_again() -> None:
    walk = chasing()
    walk.act("reminder")
    walk.act("text")
    walk.act("chase")
    walk.tell("moved", step="thanks")
    walk.tell("moved", step="chase", at=walk.now + HOUR)
    assert [m for m in walk.state.history["chase"] if m.startswith("round:")] == ["round:1"]


UNTIL = """
- step: renewal
  wait: {until: subject.renewal_date, before: 3 days, missing: no-date}
- step: offer
  sms: "Hi"
  go: done
- step: no-date
  sms: "Which day?"
- step: done
  end: no_response
"""


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ("2026-04-20", datetime(2026, 4, 16, 22, tzinfo=UTC)),
        ("2026-04-20T23:30:00+00:00", datetime(2026, 4, 17, 22, tzinfo=UTC)),
    ],
)
def test_a_wait_until_a_date_ends_as_the_day_before_it_begins(said: str, begins: datetime) -> None:
    course = cadence(UNTIL, header="days: calendar")
    walk = Walk(course, person(subject={"id": "s", "renewal_date": said}))
    plan = walk.plan
    assert plan is not None
    assert (plan.channel, plan.due_at) == (Channel.TIMER, begins)
    walk.act()
    assert list(walk.plans) == ["offer:1"]


@pytest.mark.parametrize("said", [None, "", "soon", "0001-01-01", 12])
def test_without_a_date_it_goes_where_the_file_says(said: object) -> None:
    walk = Walk(cadence(UNTIL), person(subject={"renewal_date": said}))
    assert list(walk.plans) == ["no-date:1"]


def test_a_date_that_has_passed_is_waited_for_no_more() -> None:
    walk = Walk(cadence(UNTIL), person(subject={"renewal_date": "2020-01-01"}))
    assert list(walk.plans) == ["offer:1"]
    assert walk.state.reached_at == walk.begin


PAID = """
- step: paid
  wait: {for: payment_made, at_most: 3 days, otherwise: nudge}
- step: thanks
  sms: "Thank you"
  go: done
- step: nudge
  sms: "Hello?"
- step: done
  end: no_response
"""


def test_a_wait_for_a_signal_ends_with_it() -> None:
    walk = Walk(cadence(PAID, header="signals: {payment_made: heard}"))
    walk.hear("payment_made", at=walk.now + HOUR)
    assert list(walk.plans) == ["thanks:1"]
    assert walk.state.reached_at == walk.now


def test_a_wait_for_a_signal_that_never_comes_goes_the_other_way() -> None:
    walk = Walk(cadence(PAID, header="signals: {payment_made: heard}"))
    walk.act("paid")
    assert list(walk.plans) == ["nudge:1"]
    assert walk.now == walk.begin + 3 * DAY


def test_a_task_that_is_waited_for_has_no_time_limit() -> None:
    walk = Walk(
        cadence(
            """
            - step: repay
              task: approval
              wait: done
            - step: told
              sms: "It is on its way"
            - step: done
              end: won
            """
        )
    )
    walk.act("repay")
    assert walk.plans == {}
    walk.hear(EventType.TASK_DONE, "repay", disposition="approved", at=walk.now + 90 * DAY, visit=1)
    assert list(walk.plans) == ["told:1"]
