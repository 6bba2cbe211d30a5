"""Positions of an enrollment: how one is left and entered, and how lanes begin and end."""

from collections.abc import Mapping
from datetime import datetime

from cadenza.abc import Standing, StepType
from cadenza.evolve import evolve
from cadenza.language.cadence import Cadence
from cadenza.language.timing import days_passed
from cadenza.model import MAIN, EnrollmentState, GoTo, Position

FORKED = "forked"


def ended_mark(lane: str) -> str:
    """What the history of a parallel calls the end of one of its lanes."""
    return f"lane:{lane}"


def note(state: EnrollmentState, step: str, marks: Mapping[str, datetime]) -> EnrollmentState:
    """The state with `marks` in the history of `step`."""
    if not marks:
        return state
    history = {**state.history, step: {**state.history.get(step, {}), **marks}}
    return evolve(state, history=history)


def leave(
    standing: Standing, state: EnrollmentState, lane: str, verdict: GoTo
) -> tuple[EnrollmentState, str | None]:
    """Leave the position of `lane` for where `verdict` leads.

    Returns the new state, and, where that was the end of the lane, the
    lane of the parallel which waits for it. Raises ValueError if nothing
    follows on the main way.
    """
    cadence, here = standing.cadence, state.at(lane)
    marks = {**verdict.marks, "skipped": standing.now} if verdict.skipped else verdict.marks
    state = drop_lanes(cadence, note(state, here.step, marks), cadence.steps[here.step])
    target = verdict.step or cadence.following.get(here.step)
    if target is not None:
        at, day = verdict.reached_at, verdict.reached_day
        return enter(cadence, state, lane, target, reached_at=at, reached_day=day), None
    if lane == MAIN:
        raise ValueError(f"nothing follows step {here.step!r}")
    return _end_lane(standing, state, lane, verdict)


def enter(
    cadence: Cadence,
    state: EnrollmentState,
    lane: str,
    step: str,
    *,
    reached_at: datetime,
    reached_day: int,
) -> EnrollmentState:
    """Let `lane` stand at `step`, one visit on; a lane that is new begins there."""
    visit = state.visits.get(step, 0) + 1
    is_there = lane == MAIN or lane in state.lanes
    goes_round = is_there and is_inside(cadence, state.at(lane).step, step)
    history = state.history
    if visit > 1 and step in history and not goes_round:
        # What happened on the last visit is not about this one. A repeat whose
        # round is done goes on with its visit.
        history = {name: of for name, of in history.items() if name != step}
    state = evolve(state, visits={**state.visits, step: visit}, history=history)
    position = Position(step=step, visit=visit, reached_at=reached_at, reached_day=reached_day)
    return put(state, lane, position)


def is_inside(cadence: Cadence, step: str, outer: str) -> bool:
    """Whether `step` stands in the list of `outer`, however deep."""
    inside: str | None = step
    while inside is not None:
        inside = cadence.inside.get(inside)
        if inside == outer:
            return True
    return False


def put(state: EnrollmentState, lane: str, position: Position) -> EnrollmentState:
    """The state with `position` in `lane`."""
    if lane != MAIN:
        return evolve(state, lanes={**state.lanes, lane: position})
    return evolve(
        state,
        step=position.step,
        visit=position.visit,
        reached_at=position.reached_at,
        reached_day=position.reached_day,
    )


def fork(
    standing: Standing, state: EnrollmentState, lane: str, lanes: Mapping[str, str]
) -> EnrollmentState:
    """Start lanes from the position of `lane`; gaps in them count from when it was reached."""
    here = state.at(lane)
    state = note(state, here.step, {FORKED: standing.now})
    at, day = here.reached_at, here.reached_day
    for name, first in lanes.items():
        state = enter(standing.cadence, state, name, first, reached_at=at, reached_day=day)
    return state


def drop_lanes(cadence: Cadence, state: EnrollmentState, step: StepType) -> EnrollmentState:
    """The state without the lanes that `step` started, and without those that these started."""
    for lane in step.lanes():
        if lane in state.lanes:
            inner = cadence.steps[state.lanes[lane].step]
            state = evolve(
                state, lanes={name: p for name, p in state.lanes.items() if name != lane}
            )
            state = drop_lanes(cadence, state, inner)
    return state


def parent_of(cadence: Cadence, state: EnrollmentState, lane: str) -> str:
    """The lane whose position is at the parallel that started `lane`. Raises ValueError."""
    for name, position in state.positions().items():
        if name != lane and lane in cadence.steps[position.step].lanes():
            return name
    raise ValueError(f"no parallel waits for lane {lane!r}")


def _end_lane(
    standing: Standing, state: EnrollmentState, lane: str, verdict: GoTo
) -> tuple[EnrollmentState, str]:
    parent = parent_of(standing.cadence, state, lane)
    state = evolve(state, lanes={name: p for name, p in state.lanes.items() if name != lane})
    waiting = state.at(parent)
    state = note(state, waiting.step, {ended_mark(lane): verdict.reached_at})
    # What comes after the lanes counts from the last of them. It may not come
    # sooner after any than the file says, so the lane that is most behind its
    # plan says which day that was.
    at = max(waiting.reached_at, verdict.reached_at)
    days, zone = standing.days, standing.profile.time_zone
    day = min(
        was.reached_day + days_passed(days, was.reached_at, at, zone) for was in (waiting, verdict)
    )
    return put(state, parent, evolve(waiting, reached_at=at, reached_day=day)), parent
