"""What people decide, or the outside for them: stop, pause, resume, move, finish, reopen."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cadenza.abc import Standing
from cadenza.language.timing import Timing
from cadenza.model import (
    MAIN,
    Effect,
    EnrollmentState,
    EnrollmentStatus,
    Occurrence,
    Outcome,
    Transition,
)
from cadenza.planner.course import finish, go_on, names
from cadenza.planner.positions import drop_lanes, enter, is_inside, note
from cadenza.planner.rest import pause, unchanged

_DAY = timedelta(days=1)


def stop(standing: Standing, occurrence: Occurrence) -> Transition:
    """End it, as `outcome` says or as `stopped`."""
    state = standing.state
    if state.status is EnrollmentStatus.FINISHED:
        return unchanged(state)
    return finish(standing, state, Outcome(occurrence.data.get("outcome", Outcome.STOPPED)))


def finish_as(standing: Standing, occurrence: Occurrence) -> Transition:
    """A rep knows how it ended. Raises ValueError without an outcome."""
    if "outcome" not in occurrence.data:
        raise ValueError("an occurrence of kind 'finished' names its outcome")
    return stop(standing, occurrence)


def hold_on(standing: Standing, occurrence: Occurrence) -> Transition:
    """Pause what is active; of two pauses the longer counts."""
    state, until = standing.state, _until(occurrence)
    if state.status is EnrollmentStatus.ACTIVE:
        return pause(state, until=until)
    ends_by_itself = state.status is EnrollmentStatus.PAUSED and state.paused_until is not None
    if ends_by_itself and _is_longer(until, state.paused_until):
        return pause(state, until=until)
    return unchanged(state)


def resume(standing: Standing, occurrence: Occurrence) -> Transition:
    """Plan every position anew: not earlier than it was, gaps as they were."""
    state = standing.state
    if state.status is not EnrollmentStatus.PAUSED:
        return unchanged(state)
    active = replace(state, status=EnrollmentStatus.ACTIVE, paused_until=None)
    resumed = note(active, "", {"hand:resumed": occurrence.at})
    return go_on(standing, resumed, lanes=tuple(state.positions()))


def move(standing: Standing, occurrence: Occurrence) -> Transition:
    """Go on at another step, right away."""
    state, step = standing.state, str(occurrence.data["step"])
    last = state.history.get("", {}).get("hand:moved")
    if state.status is EnrollmentStatus.FINISHED or (last is not None and last >= occurrence.at):
        return unchanged(state)
    heard = note(state, "", {"hand:moved": occurrence.at})
    return move_to(standing, heard, step, occurrence.at, ())


def move_to(
    standing: Standing,
    heard: EnrollmentState,
    step: str,
    at: datetime,
    effects: Sequence[Effect],
) -> Transition:
    """Let it stand at `step` since `at`; in the step's lane, if that is under way.

    A paused enrollment stays paused there. Raises ValueError for a step
    that does not exist, and for one in a lane that is not under way.
    """
    cadence = standing.cadence
    if step not in cadence.steps:
        raise ValueError(f"there is no step {step!r}")
    lane = cadence.lane_of.get(step, MAIN)
    under_way = lane in heard.lanes and is_inside(cadence, step, heard.step)
    if lane != MAIN and not under_way:
        raise ValueError(f"step {step!r} is in lane {lane!r}, which is not under way")
    position = heard.at(lane)
    heard = drop_lanes(cadence, heard, cadence.steps[position.step])
    timing = getattr(cadence.steps[step], "timing", None)
    day = timing.day if isinstance(timing, Timing) else None
    day = day or position.reached_day
    heard = enter(cadence, heard, lane, step, reached_at=at, reached_day=day)
    if heard.status is EnrollmentStatus.ACTIVE:
        return go_on(standing, heard, lanes=(lane,), effects=effects)
    if heard.paused_until is not None:  # its timer is named after the main position
        return pause(heard, effects, until=heard.paused_until, before=standing.state)
    return Transition(state=heard, replaced=names(standing.state), effects=tuple(effects))


def set_status(standing: Standing, occurrence: Occurrence) -> Transition:
    """A rep says how it stands in the CRM; a change that the cadence does not allow is none."""
    state, status = standing.state, str(occurrence.data["status"])
    statuses = standing.cadence.statuses
    last = state.history.get("", {}).get("hand:status")
    is_old = last is not None and last >= occurrence.at
    if is_old or statuses is None or not statuses.may_become(state.crm_status, status):
        return unchanged(state)
    heard = note(replace(state, crm_status=status), "", {"hand:status": occurrence.at})
    effects = (Effect(kind="status", data={"status": status}),)
    if state.status is EnrollmentStatus.ACTIVE:
        return go_on(standing, heard, effects=effects)
    return unchanged(heard, effects)


def reopen(standing: Standing, occurrence: Occurrence) -> Transition:
    """Let a finished enrollment go on at a step; an active one is not changed.

    Raises ValueError for a step that does not exist or is inside a lane.
    """
    state, step = standing.state, str(occurrence.data["step"])
    last = state.history.get("", {}).get("hand:reopened")
    is_old = last is not None and last >= occurrence.at
    if state.status is not EnrollmentStatus.FINISHED or is_old:
        return unchanged(state)
    active = replace(state, status=EnrollmentStatus.ACTIVE, outcome=None)
    heard = note(active, "", {"hand:reopened": occurrence.at})
    return move_to(standing, heard, step, occurrence.at, ())


def _is_longer(until: datetime | None, than: datetime | None) -> bool:
    return than is not None and (until is None or until > than)


def _until(occurrence: Occurrence) -> datetime | None:
    """When a pause ends: at a moment, or so many days of 24 hours later."""
    if "until" in occurrence.data:
        return datetime.fromisoformat(occurrence.data["until"])
    days = occurrence.data.get("days")
    return occurrence.at + days * _DAY if days else None
