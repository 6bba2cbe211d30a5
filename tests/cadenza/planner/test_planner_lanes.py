"""`parallel`: several teams side by side, joined on all or any."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.model import EnrollmentStatus, EventType, Occurrence, Outcome
from cadenza.planner import advance
from tests.cadenza.planner.courses import DAY, HOUR, Walk, cadence, local

REFUND = """
- step: hello
  email: mail
  day: 1
- step: work
  parallel:
    logistics:
      - step: collect
        task: todo
        day: 2
        wait: done
      - step: thank
        sms: "Thank you"
        after: 2 days
    payments:
      - step: repay
        task: approval
        day: 3
        wait: done
      - step: fork
        branch:
          - when: disposition of repay is refused
            go: refused
          - else: work
      - step: refused
        end: lost
  join: all
- step: feedback
  email: mail
  day: 9
- step: done
  end: no_response
"""
ANY = REFUND.replace("join: all", "join: any")


def in_lanes(steps: str = REFUND) -> Walk:
    walk = Walk(cadence(steps))
    walk.act("hello")
    return walk


def test_lanes_begin_side_by_side() -> None:
    walk = in_lanes()
    assert walk.state.step == "work"
    assert {lane: p.step for lane, p in walk.state.lanes.items()} == {
        "logistics": "collect",
        "payments": "repay",
    }
    assert sorted(walk.plans) == ["collect:1", "repay:1"]


def test_what_moves_one_lane_leaves_the_plans_of_the_others() -> None:
    walk = in_lanes()
    walk.act("collect")
    done = walk.hear(EventType.TASK_DONE, "collect", disposition="done", visit=1)
    assert done.replaced == {"collect:1"}
    assert [plan.position for plan in done.plans] == ["thank:1"]


def test_it_goes_on_when_all_lanes_have_ended() -> None:
    walk = in_lanes()
    walk.act("collect")
    walk.act("repay")
    walk.hear(EventType.TASK_DONE, "repay", disposition="approved", at=walk.now + HOUR)
    assert list(walk.state.lanes) == ["logistics"]
    assert walk.state.history["work"]["lane:payments"] == walk.now
    walk.hear(EventType.TASK_DONE, "collect", disposition="done", at=walk.now + HOUR)
    walk.act("thank")
    assert walk.state.lanes == {}
    assert walk.state.step == "feedback"
    assert list(walk.plans) == ["feedback:1"]


def test_any_lane_that_ends_drops_the_others_with_their_plans() -> None:
    walk = in_lanes(ANY)
    walk.act("repay")
    done = walk.hear(EventType.TASK_DONE, "repay", disposition="approved")
    assert done.replaced == {"work:1", "collect:1", "repay:1"}
    assert list(walk.plans) == ["feedback:1"]
    assert walk.state.lanes == {}


def test_an_end_inside_a_lane_ends_it_all() -> None:
    walk = in_lanes()
    walk.act("repay")
    done = walk.hear(EventType.TASK_DONE, "repay", disposition="refused")
    assert walk.state.outcome is Outcome.LOST
    assert walk.state.lanes == {}
    assert {"collect:1", "work:1", "repay:1"} <= done.replaced
    assert walk.plans == {}


def test_a_stop_voids_the_plans_of_every_lane() -> None:
    walk = in_lanes()
    done = walk.hear(EventType.REPLIED, "hello")
    assert walk.finished
    assert done.replaced == {"work:1", "collect:1", "repay:1"}


def test_a_pause_holds_all_lanes_and_all_of_them_go_on_after_it() -> None:
    walk = in_lanes()
    plans = dict(walk.plans)
    walk.tell("paused")
    assert walk.plans == {}
    walk.tell("resumed")
    assert walk.plans == plans


def test_word_about_a_lane_that_is_left_is_only_kept() -> None:
    walk = in_lanes(ANY)
    walk.act("repay")
    walk.hear(EventType.TASK_DONE, "repay", disposition="approved")
    late = walk.apply(Occurrence(kind="opened_task", at=walk.now, step="collect"))
    assert (late.replaced, late.plans) == (frozenset(), ())


def test_one_lane_is_moved_by_what_happens_in_another() -> None:
    walk = Walk(
        cadence(
            """
            - step: work
              parallel:
                one:
                  - step: ask
                    sms: "Hi"
                two:
                  - step: listen
                    wait: {for: replied ask, at_most: 9 days, otherwise: chase}
                  - step: glad
                    sms: "Thanks"
                    go: chase
                  - step: chase
                    sms: "Hello?"
              join: all
            - step: done
              end: no_response
            """,
            header="exit: {replied: continue}",
        )
    )
    walk.act("ask")
    walk.hear(EventType.REPLIED, "ask", at=walk.now + HOUR)
    assert list(walk.plans) == ["glad:1"]


def test_moving_away_leaves_the_lanes() -> None:
    walk = in_lanes()
    walk.tell("moved", step="feedback")
    assert walk.state.lanes == {}
    assert list(walk.plans) == ["feedback:1"]


def test_a_step_of_a_lane_is_reached_by_hand_while_the_lane_is_under_way() -> None:
    walk = in_lanes()
    walk.tell("moved", step="thank")
    assert walk.state.lanes["logistics"].step == "thank"
    assert sorted(walk.plans) == ["repay:1", "thank:1"]


def test_a_step_of_a_lane_is_not_reached_from_outside() -> None:
    walk = Walk(cadence(REFUND))
    move = Occurrence(kind="moved", at=walk.now, data={"step": "thank"})
    with pytest.raises(ValueError, match="lane 'logistics'"):
        advance(walk.cadence, walk.state, walk.profile, move, walk.now)


def test_lanes_begin_anew_when_the_parallel_is_reached_again() -> None:
    walk = in_lanes(ANY)
    walk.act("repay")
    walk.hear(EventType.TASK_DONE, "repay", disposition="approved")
    walk.tell("moved", step="work")
    assert sorted(walk.plans) == ["collect:2", "repay:2"]
    assert "lane:payments" not in walk.state.history["work"]


SPACED = """
- step: hello
  email: mail
  day: 1
- step: work
  parallel:
    quick:
      - step: soon
        sms: "Hi"
        day: 2
    slow:
      - step: later
        sms: "Hi"
        day: 4
      - step: last
        sms: "Hi"
        day: 6
  join: all
- step: after
  email: mail
  day: 9
- step: done
  end: no_response
"""
PLANNED_DAY = {"hello": 1, "soon": 2, "later": 4, "last": 6, "after": 9}


@given(late=st.dictionaries(st.sampled_from([*PLANNED_DAY]), st.integers(0, 9)))
@settings(max_examples=60, deadline=None)
def test_what_follows_the_lanes_keeps_its_distance_to_each_of_them(late: dict[str, int]) -> None:
    walk = Walk(cadence(SPACED, header="days: calendar\nwindow: {days: mon-sun}"))
    days: dict[str, int] = {}
    while walk.plan is not None:
        plan = walk.plan
        walk.act(plan.step, late_by=timedelta(days=late.get(plan.step, 0)))
        days[plan.step] = (local(plan, walk.profile).date() - walk.begin.date()).days
        days[plan.step] += late.get(plan.step, 0)
    for before in ("soon", "last"):
        assert days["after"] - days[before] >= PLANNED_DAY["after"] - PLANNED_DAY[before]
    if not any(late.values()):
        assert days == {step: day - 1 for step, day in PLANNED_DAY.items()}


def test_every_lane_waits_for_a_thing_that_has_a_name() -> None:
    walk = in_lanes()
    walk.act("collect")
    walk.act("repay")
    assert walk.plans == {}
    assert walk.status() is EnrollmentStatus.ACTIVE
    assert walk.now < walk.begin + 9 * DAY
