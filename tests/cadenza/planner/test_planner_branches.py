import pytest

from cadenza.model import (
    EventType,
    Outcome,
)
from tests.cadenza.planner.courses import DAY, FORK, HOUR, Walk, cadence, person


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
    assert not done.replaced
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
