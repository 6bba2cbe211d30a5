from datetime import UTC, datetime, timedelta

import pytest

from cadenza.calendars import draw
from cadenza.model import (
    Channel,
    Outcome,
)
from cadenza.planner import place_again
from tests.cadenza.planner.courses import (
    DAY,
    FORK,
    HOUR,
    MONDAY,
    THREE_MAILS,
    Walk,
    cadence,
    local,
    person,
)


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
