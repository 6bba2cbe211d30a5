"""Signals, colleagues, pauses that end by themselves, statuses, variants, and what reps decide."""

from collections import Counter
from datetime import timedelta

import pytest

from cadenza.model import (
    Channel,
    EnrollmentStatus,
    EventType,
    Occurrence,
    Outcome,
    Transition,
)
from cadenza.planner import advance, start
from tests.cadenza.planner.courses import (
    CALL,
    DAY,
    HOUR,
    MONDAY,
    THREE_MAILS,
    Walk,
    cadence,
    person,
)

SIGNALS = """\
signals: {paid: heard, withdrawn: end lost, unpaid: move to third, back: reopen at second}
"""


def with_signals() -> Walk:
    return Walk(cadence(THREE_MAILS, header=SIGNALS))


def test_a_signal_that_is_only_heard_is_kept_and_nothing_moves() -> None:
    walk = with_signals()
    done = walk.hear("paid")
    assert not done.replaced
    assert walk.state.history[""] == {"paid": MONDAY}


def test_a_signal_ends_the_enrollment() -> None:
    walk = with_signals()
    walk.hear("withdrawn")
    assert walk.state.outcome is Outcome.LOST


def test_a_signal_moves_each_time_that_it_comes_but_not_twice_for_one() -> None:
    walk = with_signals()
    walk.hear("unpaid")
    assert list(walk.plans) == ["third:1"]
    walk.tell("moved", step="second", at=walk.now + HOUR)
    same = walk.hear("unpaid", at=MONDAY)
    assert same == Transition(state=walk.state)
    walk.hear("unpaid", at=walk.now + HOUR)
    assert list(walk.plans) == ["third:2"]


def test_what_a_signal_moves_to_is_done_at_once_whatever_day_it_stands_on() -> None:
    walk = with_signals()
    walk.hear("unpaid", at=MONDAY + 2 * HOUR)
    plan = walk.plan
    assert plan is not None
    assert plan.due_at - walk.now < DAY


def test_a_paused_enrollment_is_moved_and_stays_paused() -> None:
    walk = with_signals()
    walk.tell("paused", days=3)
    walk.hear("unpaid", at=walk.now + HOUR)
    assert (walk.status(), walk.state.step) == (EnrollmentStatus.PAUSED, "third")
    walk.act()
    assert list(walk.plans) == ["third:1"]


def test_an_active_enrollment_that_would_be_reopened_moves_there() -> None:
    walk = with_signals()
    walk.hear("back")
    assert list(walk.plans) == ["second:1"]


def test_reopening_lets_a_finished_enrollment_go_on() -> None:
    walk = with_signals().to_the_end()
    again = Occurrence(kind="reopened", at=walk.now + HOUR, data={"step": "second"})
    walk.apply(again)
    assert (walk.status(), walk.state.outcome) == (EnrollmentStatus.ACTIVE, None)
    assert list(walk.plans) == ["second:2"]
    assert walk.apply(again) == Transition(state=walk.state)
    walk.to_the_end()
    assert walk.apply(again) == Transition(state=walk.state)


COLLEAGUES = """\
exit:
  replied: {do: stop, colleagues: pause 5 days}
  meeting_booked: {do: stop, colleagues: stop}
"""


def test_an_answer_says_what_it_means_for_colleagues() -> None:
    walk = Walk(cadence(THREE_MAILS, header=COLLEAGUES))
    walk.act()
    walk.hear(EventType.REPLIED, "first")
    assert walk.effects == [
        ("notify_owner", {"event": "replied", "step": "first"}),
        ("colleagues", {"do": "pause", "days": 5, "event": "replied"}),
        ("tell_colleagues", {"event": "replied"}),
    ]


def test_word_of_a_colleague_is_heard_by_branches_and_stops_nothing() -> None:
    steps = """
    - step: intro
      email: mail
    - step: fork
      branch:
        - when: colleague replied within 30 days
          go: done
        - else: again
    - step: again
      sms: Hi
    - step: done
      end: no_response
    """
    walk = Walk(cadence(steps))
    walk.hear("colleague_replied")
    assert not walk.finished
    walk.act("intro")
    assert walk.finished


def test_a_pause_of_some_days_ends_by_itself() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    walk.tell("paused", days=5)
    plan = walk.plan
    assert plan is not None
    assert (plan.channel, plan.step, plan.due_at) == (
        Channel.TIMER,
        "second",
        (walk.now + 5 * DAY).replace(microsecond=0),
    )
    walk.act()
    assert walk.status() is EnrollmentStatus.ACTIVE
    assert walk.state.paused_until is None
    assert walk.planned_channel() is Channel.EMAIL


def test_the_longer_of_two_pauses_counts() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.tell("paused", days=5)
    assert not walk.tell("paused", days=2).replaced
    walk.tell("paused", days=9)
    assert walk.state.paused_until == MONDAY + 9 * DAY
    walk.tell("paused")
    assert walk.state.paused_until is None
    assert not walk.plans
    assert not walk.tell("paused", days=90).replaced


def test_a_stop_is_not_held_up_by_a_pause() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    walk.tell("paused", days=5)
    walk.hear(EventType.UNSUBSCRIBED, "first")
    assert walk.state.outcome is Outcome.OPTED_OUT
    assert walk.plans == {}


STATUSES = """\
statuses:
  field: Lead_Status
  none: {crm: "Aucun"}
  greeted: {from: none, crm: "Salutations"}
  attempted: {from: [greeted, attempted]}
"""
GREET = """
- step: early
  status: attempted
- step: mark
  status: greeted
- step: hello
  email: mail
- step: done
  end: no_response
"""


def test_a_status_is_set_where_it_may_follow_and_else_stays() -> None:
    walk = Walk(cadence(GREET, header=STATUSES))
    assert walk.state.crm_status == "greeted"
    assert walk.effects == [("status", {"status": "greeted"})]


def test_a_rep_sets_a_status_that_may_follow() -> None:
    walk = Walk(cadence(GREET, header=STATUSES))
    assert not walk.tell("status", status="greeted", at=walk.now + HOUR).effects
    walk.tell("status", status="attempted", at=walk.now + HOUR)
    assert walk.state.crm_status == "attempted"
    assert walk.effects[-1] == ("status", {"status": "attempted"})


CLOSING = """\
statuses:
  field: Lead_Status
  none: {}
  greeted: {from: none}
  lapsed: {from: none, at_end: yes}
  closed: {from: greeted, at_end: yes}
"""


@pytest.mark.parametrize("end", ["by itself", "by an exit rule", "by a rep"])
def test_a_status_at_the_end_is_taken_however_it_ends(end: str) -> None:
    walk = Walk(cadence(GREET.replace("attempted", "greeted"), header=CLOSING))
    assert walk.state.crm_status == "greeted"
    if end == "by itself":
        walk.to_the_end()
    elif end == "by an exit rule":
        walk.hear(EventType.UNSUBSCRIBED)
    else:
        walk.tell("finished", outcome="lost")
    assert walk.finished
    assert walk.state.crm_status == "closed"
    assert walk.effects[-1] == ("status", {"status": "closed"})


def test_a_status_at_the_end_that_may_not_follow_is_not_taken() -> None:
    header = f"{STATUSES}  paid: {{from: attempted, at_end: yes}}\n"
    walk = Walk(cadence(GREET, header=header))
    assert not walk.tell("finished", outcome="lost").effects
    assert (walk.finished, walk.state.crm_status) == (True, "greeted")


def test_a_rep_knows_how_it_ended() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.tell("finished", outcome="won")
    assert walk.state.outcome is Outcome.WON
    with pytest.raises(ValueError, match="outcome"):
        walk.tell("finished")


EXPERIMENT = "experiments: {pace: {daily: 1, spaced: 3}}"
PACED = """
- step: hello
  email: mail
  variants:
    pace:
      daily: {after: 1 day}
- step: done
  end: no_response
"""


def test_variants_are_drawn_by_their_weights_and_stick() -> None:
    course = cadence(PACED, header=EXPERIMENT)
    people = [person(key=f"p-{n}") for n in range(400)]
    drawn = [start(course, one, MONDAY).state.variants["pace"] for one in people]
    again = [start(course, one, MONDAY + DAY).state.variants["pace"] for one in people]
    assert drawn == again
    assert 60 <= Counter(drawn)["daily"] <= 140


def test_a_task_of_an_earlier_visit_that_is_done_late_changes_nothing() -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    walk.tell("moved", step="call", at=walk.now + HOUR)
    assert walk.state.visits["call"] == 2
    before = walk.state
    late = walk.hear(EventType.TASK_DONE, "call", disposition="connected", visit=1)
    assert late == Transition(state=before)


def test_a_meeting_booked_with_a_task_of_an_earlier_visit_is_booked() -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    walk.tell("moved", step="call", at=walk.now + HOUR)
    walk.hear(EventType.TASK_DONE, "call", disposition="meeting_booked", visit=1)
    assert walk.state.outcome is Outcome.WON
    assert "disposition:meeting_booked" not in walk.state.history.get("call", {})


def test_an_answer_to_an_earlier_visit_stops_and_a_click_then_is_not_one_of_now() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    walk.tell("moved", step="first", at=walk.now + HOUR)
    walk.hear(EventType.CLICKED, "first", visit=1)
    assert EventType.CLICKED not in walk.state.history.get("first", {})
    walk.hear(EventType.REPLIED, "first", visit=1)
    assert walk.state.outcome is Outcome.REPLIED


def test_a_move_to_a_step_that_is_not_there_is_refused() -> None:
    walk = Walk(cadence(THREE_MAILS))
    move = Occurrence(kind="moved", at=MONDAY, data={"step": "nowhere"})
    with pytest.raises(ValueError, match="nowhere"):
        advance(walk.cadence, walk.state, walk.profile, move, MONDAY)


def test_a_move_counts_gaps_from_now() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    moved = walk.now + timedelta(hours=2)
    walk.tell("moved", step="third", at=moved)
    assert walk.state.reached_at == moved
    assert walk.state.reached_day == 6
