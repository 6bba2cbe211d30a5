from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cadenza.calendar import draw
from cadenza.model import (
    Channel,
    EnrollmentStatus,
    EventType,
    Occurrence,
    Outcome,
    Transition,
)
from cadenza.planner import advance, place_again, start, state_from_json, state_to_json
from tests.cadenza.courses import MONDAY, Walk, cadence, local, person

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

THREE_MAILS = """
- step: first
  email: mail
  day: 1
- step: second
  email: follow
  thread: reply
  day: 3
- step: third
  email: mail
  day: 6
- step: done
  end: no_response
"""

CALL = """
- step: call
  task: call
  day: 1
  wait: 2 days
- step: fork
  branch:
    - when: disposition of call is connected
      go: thanks
    - when: disposition of call is no_answer or left_voicemail
      go: again
    - else: done
- step: thanks
  email: mail
  go: done
- step: again
  sms: "Hi {{ prospect.first_name }}"
- step: done
  end: no_response
"""

FORK = """
- step: intro
  email: mail
  day: 1
- step: fork
  branch:
    - when: clicked intro within 3 days
      go: hot
    - when: opened intro within 1 day
      go: warm
    - else: cold
- step: hot
  sms: hot
  go: done
- step: warm
  sms: warm
  go: done
- step: cold
  sms: cold
- step: done
  end: no_response
"""


# Time ---------------------------------------------------------------------


def test_first_touch_is_due_today_in_the_window_of_the_prospects_zone() -> None:
    walk = Walk(cadence(THREE_MAILS), person(time_zone="America/New_York"))
    due = local(walk.plan, walk.profile)
    assert due.date() == MONDAY.date()
    assert 9 <= due.hour < 17
    assert walk.plan is not None
    assert walk.plan.window_end == datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
    assert walk.state.reached_day == 1


def test_enrolled_late_in_the_day_the_first_touch_goes_on_the_next() -> None:
    evening = MONDAY + 9 * HOUR
    assert local(Walk(cadence(THREE_MAILS), begin=evening).plan, person()).day == 3


def test_days_are_counted_as_business_days_from_the_first() -> None:
    walk = Walk(cadence(THREE_MAILS)).to_the_end()
    assert [local(plan, walk.profile).day for plan in walk.acted] == [2, 4, 9]
    assert walk.state.outcome is Outcome.NO_RESPONSE


def test_calendar_days_count_weekends_and_the_window_still_skips_them() -> None:
    walk = Walk(cadence(THREE_MAILS, header="days: calendar"), begin=MONDAY + 3 * DAY)
    walk.to_the_end()
    assert [local(plan, walk.profile).day for plan in walk.acted] == [5, 9, 12]


def test_enrolled_on_a_saturday_day_one_is_monday() -> None:
    saturday = MONDAY + 5 * DAY
    walk = Walk(cadence(THREE_MAILS.replace("day: 1", "day: 2")), begin=saturday)
    assert local(walk.plan, walk.profile).day == 10


def test_late_touch_pushes_later_ones_on() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act(late_by=2 * DAY)
    assert local(walk.plan, walk.profile).day == 6
    walk.act()
    assert local(walk.plan, walk.profile).day == 11


def test_touch_after_hours_follows_on_the_same_day_if_the_window_allows() -> None:
    course = cadence(
        """
        - step: first
          email: mail
        - step: second
          sms: Hi
          after: 2 hours
        - step: done
          end: no_response
        """
    )
    walk = Walk(course, begin=MONDAY)
    sent = walk.act().due_at
    assert walk.plan is not None
    assert walk.plan.due_at >= sent + 2 * HOUR


def test_touches_of_one_day_keep_their_order() -> None:
    course = cadence(
        """
        - step: first
          email: mail
          day: 2
        - step: second
          task: call
          day: 2
          wait: none
        - step: third
          sms: Hi
          day: 2
        - step: done
          end: no_response
        """
    )
    for number in range(50):
        walk = Walk(course, person(key=f"p-{number}")).to_the_end()
        dues = [plan.due_at for plan in walk.acted]
        assert dues == sorted(dues)
        assert walk.steps() == ["first", "second", "third"]


def test_wait_of_days_ends_as_the_last_day_begins_and_counts_in_the_plan() -> None:
    course = cadence(
        """
        - step: first
          email: mail
        - step: rest
          wait: 3 days
        - step: second
          email: mail
        - step: third
          email: mail
          day: 6
        - step: done
          end: no_response
        """
    )
    walk = Walk(course, begin=MONDAY + 2 * DAY)
    walk.act()
    assert walk.planned_channel() is Channel.TIMER
    assert walk.plan is not None
    assert walk.plan.window_end is None
    assert walk.plan.due_at == datetime(2026, 3, 8, 23, 0, tzinfo=UTC)
    walk.to_the_end()
    assert [local(plan, walk.profile).day for plan in walk.acted] == [4, 9, 9, 11]


def test_timer_that_fires_late_shortens_no_gap_after_it() -> None:
    course = cadence(
        """
        - step: first
          email: mail
        - step: rest
          wait: 1 day
        - step: second
          email: mail
        - step: third
          email: mail
          day: 4
        - step: done
          end: no_response
        """
    )
    walk = Walk(course)
    walk.act()
    walk.act(late_by=2 * DAY)
    second, third = walk.act(), walk.act()
    assert local(second, walk.profile).day == 5
    assert local(third, walk.profile).day == 9


def test_windows_differ_by_channel() -> None:
    header = 'window: {days: mon-sat, hours: "09:00-12:00", sms: {days: sat, hours: "14:00-16:00"}}'
    course = cadence(
        """
        - step: mail
          email: mail
        - step: text
          sms: Hi
        - step: done
          end: no_response
        """,
        header=header,
    )
    walk = Walk(course)
    assert local(walk.act(), walk.profile).hour < 12
    due = local(walk.plan, walk.profile)
    assert (due.weekday(), due.hour in (14, 15)) == (5, True)


def test_jitter_differs_between_people_and_is_fixed_for_each() -> None:
    course = cadence(THREE_MAILS)
    dues = [Walk(course, person(key=f"p-{n}")).plan for n in range(40)]
    assert dues == [Walk(course, person(key=f"p-{n}")).plan for n in range(40)]
    assert len({plan.due_at for plan in dues if plan}) > 20
    plan = Walk(course).plan
    # 451 minutes are to choose from: 09:00 to 16:30.
    minute = draw("p-1", "trial", "first", 1) * 451 >> 64
    assert plan is not None
    assert plan.due_at == datetime(2026, 3, 2, 8, 0, tzinfo=UTC) + minute * timedelta(minutes=1)


# Deferral -----------------------------------------------------------------


def test_deferred_touch_keeps_its_turn_inside_the_window() -> None:
    walk = Walk(cadence(THREE_MAILS))
    turn = datetime(2026, 3, 2, 12, 34, 56, tzinfo=UTC)
    again = place_again(walk.cadence, walk.state, walk.profile, turn)
    assert again.due_at == turn
    assert again.step == "first"
    assert walk.plan is not None
    assert again.window_end == walk.plan.window_end


def test_touch_deferred_past_its_window_is_spread_over_the_next() -> None:
    course, turn = cadence(THREE_MAILS), datetime(2026, 3, 2, 15, 45, tzinfo=UTC)
    dues = set()
    for number in range(30):
        walk = Walk(course, person(key=f"p-{number}"))
        again = place_again(course, walk.state, walk.profile, turn)
        assert local(again, walk.profile).day == 3
        dues.add(again.due_at)
    assert len(dues) > 15


def test_step_that_is_over_cannot_be_placed_again() -> None:
    walk = Walk(cadence(THREE_MAILS)).to_the_end()
    with pytest.raises(ValueError, match="'done' is over"):
        place_again(walk.cadence, walk.state, walk.profile, walk.now)


def test_waiting_step_is_placed_again_as_a_timer() -> None:
    walk = Walk(cadence(FORK))
    walk.act()
    assert place_again(walk.cadence, walk.state, walk.profile, walk.now) == walk.plan


# What delivery says ---------------------------------------------------------


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
    assert walk.apply(old) == Transition(state=walk.state, replace_plan=False)
    assert walk.state.step == "first"


def test_word_about_another_step_is_only_noted() -> None:
    walk = Walk(cadence(THREE_MAILS))
    done = walk.apply(Occurrence(kind="sent", at=MONDAY, step="third"))
    assert not done.replace_plan
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


# Events ---------------------------------------------------------------------


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
    assert done.replace_plan
    assert done.plan is None
    assert walk.finished
    assert walk.state.outcome is outcome
    assert walk.state.history["first"][event] == walk.now


@pytest.mark.parametrize("event", [EventType.SOFT_BOUNCED, EventType.DELIVERED])
def test_event_that_nobody_waits_for_changes_nothing(event: EventType) -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    before = walk.state
    assert walk.hear(event, "first") == Transition(state=before, replace_plan=False)


@pytest.mark.parametrize("event", [EventType.OPENED, EventType.CLICKED, EventType.AUTO_REPLIED])
def test_event_is_noted_and_the_plan_stays(event: EventType) -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    plan = walk.plan
    assert not walk.hear(event, "first").replace_plan
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
    assert walk.effects == [("notify_owner", {"event": "replied", "step": "first"})]


def test_owner_hears_of_a_response_after_the_end_too() -> None:
    walk = Walk(cadence(THREE_MAILS)).to_the_end()
    ended = walk.state
    done = walk.hear(EventType.REPLIED, "third")
    assert not done.replace_plan
    assert walk.state == replace(ended, history=walk.state.history)
    assert [kind for kind, _ in walk.effects] == ["notify_owner"]


def test_same_event_again_changes_nothing() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    walk.hear(EventType.OPENED, "first")
    before = walk.state
    again = walk.hear(EventType.OPENED, "first", at=walk.now + DAY)
    assert again == Transition(state=before, replace_plan=False)


def test_event_about_no_step_is_kept_under_no_name() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.hear(EventType.MEETING_BOOKED)
    assert walk.state.history[""] == {EventType.MEETING_BOOKED: MONDAY}


# Branches -------------------------------------------------------------------


def test_branch_moves_at_once_when_its_first_line_holds() -> None:
    walk = Walk(cadence(FORK))
    walk.act()
    walk.hear(EventType.CLICKED, "intro", at=walk.now + HOUR)
    assert walk.state.step == "hot"
    assert walk.state.reached_at == walk.now


def test_later_line_waits_until_the_first_can_no_longer_hold() -> None:
    walk = Walk(cadence(FORK))
    walk.act()
    done = walk.hear(EventType.OPENED, "intro", at=walk.now + HOUR)
    assert not done.replace_plan
    assert walk.state.step == "fork"
    walk.act()
    assert walk.state.step == "warm"


def test_branch_goes_elsewhere_when_time_is_up() -> None:
    walk = Walk(cadence(FORK))
    sent = walk.act().due_at
    assert walk.plan is not None
    assert walk.plan.due_at == sent + 3 * DAY
    walk.act()
    assert walk.state.step == "cold"
    assert walk.state.reached_day == 4


def test_event_that_came_too_late_does_not_count() -> None:
    walk = Walk(cadence(FORK))
    walk.act()
    walk.hear(EventType.OPENED, "intro", at=walk.now + 25 * HOUR)
    walk.act()
    assert walk.state.step == "cold"


def test_branch_about_a_step_that_was_skipped_does_not_wait() -> None:
    walk = Walk(cadence(FORK), person(email=None))
    assert walk.state.step == "cold"


@pytest.mark.parametrize(
    ("when", "fields", "expected"),
    [
        ("prospect.country is FR", {}, True),
        ("prospect.country is fr or be", {}, True),
        ("prospect.country is not FR", {}, False),
        ("prospect.country is 'DE'", {}, False),
        ("prospect.title is set", {"title": "CTO"}, True),
        ("prospect.title is set", {"title": " "}, False),
        ("prospect.title is missing", {}, True),
        ("prospect.title is not missing", {}, False),
        ("prospect.seats is 12", {"seats": 12}, True),
        ("not clicked intro", {}, True),
        ("clicked", {}, False),
        ("intro reached 1 time", {}, True),
        ("intro reached 2 times", {}, False),
        ("not opened intro within 2 hours", {}, True),
    ],
)
def test_condition_holds(when: str, fields: dict[str, object], expected: bool) -> None:
    course = cadence(
        f"""
        - step: intro
          email: mail
        - step: fork
          branch:
            - when: {when}
              go: yes-step
            - else: no-step
        - step: yes-step
          end: won
        - step: no-step
          end: lost
        """
    )
    walk = Walk(course, person(fields=fields)).to_the_end()
    assert (walk.state.outcome is Outcome.WON) is expected


def test_denied_event_decides_as_soon_as_it_comes() -> None:
    course = cadence(FORK.replace("clicked intro within", "not clicked intro within"))
    walk = Walk(course)
    walk.act()
    assert walk.state.step == "fork"
    walk.hear(EventType.CLICKED, "intro")
    assert walk.plan is not None
    # The next line is open for a day, no longer for three.
    assert walk.plan.due_at == walk.now + DAY


def test_loop_ends_after_so_many_rounds_and_forgets_what_happened_in_the_last() -> None:
    course = cadence(
        """
        - step: call
          task: call
          after: 1 day
          wait: 1 day
        - step: fork
          branch:
            - when: disposition of call is connected
              go: won
            - when: call reached 3 times
              go: done
            - else: call
        - step: won
          end: won
        - step: done
          end: no_response
        """
    )
    walk = Walk(course)
    for visit in (1, 2, 3):
        assert walk.state.visit == visit
        assert "call" not in walk.state.history
        walk.act()
        walk.hear(EventType.TASK_DONE, "call", disposition="no_answer")
    assert walk.state.outcome is Outcome.NO_RESPONSE
    assert walk.state.visits == {"call": 3, "fork": 3, "done": 1}
    assert len({plan.due_at.date() for plan in walk.acted}) == 3


def test_loop_that_skips_all_its_touches_stops_safely() -> None:
    course = cadence(
        """
        - step: intro
          email: mail
        - step: fork
          branch:
            - when: opened intro within 1 day
              go: done
            - else: intro
        - step: done
          end: won
        """
    )
    walk = Walk(course, person(email=None))
    assert walk.finished
    assert walk.state.outcome is Outcome.STOPPED


# Tasks ----------------------------------------------------------------------


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
    assert [kind for kind, _ in walk.effects] == ["open_task"]


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
    assert not walk.hear(EventType.TASK_DONE, "call", disposition="connected").replace_plan
    walk.act()
    assert walk.state.outcome is Outcome.WON


def test_task_opened_twice_is_one_task() -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    before = walk.state
    again = walk.apply(Occurrence(kind="opened_task", at=walk.now, step="call"))
    assert again == Transition(state=before, replace_plan=False)


# By hand ----------------------------------------------------------------------


def test_stop_carries_its_outcome() -> None:
    walk = Walk(cadence(THREE_MAILS))
    done = walk.tell("stopped", outcome="disqualified", reason="a competitor")
    assert (done.replace_plan, done.plan) == (True, None)
    assert walk.state.outcome is Outcome.DISQUALIFIED
    assert walk.tell("stopped", outcome="won") == Transition(state=walk.state, replace_plan=False)


def test_stop_without_an_outcome_is_stopped() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.tell("stopped")
    assert walk.state.outcome is Outcome.STOPPED


def test_paused_enrollment_resumes_where_it_stood_and_not_before_its_time() -> None:
    walk = Walk(cadence(THREE_MAILS))
    walk.act()
    plan = walk.plan
    assert walk.tell("paused").replace_plan
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
    assert not sent.replace_plan
    assert walk.state.step == "first"
    walk.tell("resumed", at=MONDAY + 4 * HOUR)
    assert walk.state.step == "second"


def test_nothing_opens_or_elapses_during_a_pause() -> None:
    walk = Walk(cadence(CALL))
    walk.tell("paused")
    for kind in ("opened_task", "elapsed"):
        done = walk.apply(Occurrence(kind=kind, at=walk.now, step="call"))
        assert done == Transition(state=walk.state, replace_plan=False)
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


# State ------------------------------------------------------------------------


def test_state_survives_json() -> None:
    walk = Walk(cadence(CALL))
    walk.act()
    walk.hear(EventType.TASK_DONE, "call", at=walk.now + timedelta(microseconds=1), disposition="x")
    assert state_from_json(state_to_json(walk.state)) == walk.state
    begun = start(walk.cadence, person(), MONDAY).state
    assert state_from_json(state_to_json(begun)) == begun
