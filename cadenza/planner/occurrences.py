"""What each thing that happens changes. Whatever came before changes nothing the second time."""

from collections.abc import Callable, Mapping
from datetime import datetime

from cadenza.abc import Standing
from cadenza.calendars import WorkCalendar
from cadenza.evolve import evolve
from cadenza.language.cadence import Cadence
from cadenza.model import (
    EnrollmentState,
    EnrollmentStatus,
    Occurrence,
    Profile,
    Transition,
)
from cadenza.planner import by_hand, hearing
from cadenza.planner.course import go_on
from cadenza.planner.positions import note
from cadenza.planner.rest import pause, unchanged
from cadenza.steps.touch import SETTLED

OVERDUE = "overdue"
"""Why a touch is skipped that would come too late; its step's history says so."""


def advance(
    cadence: Cadence,
    state: EnrollmentState,
    profile: Profile,
    occurrence: Occurrence,
    now: datetime,
    *,
    calendar: WorkCalendar | None = None,
) -> Transition:
    """What `occurrence` changes, planned not before `now`. Pure.

    The same occurrence again, or word about an earlier visit of its step,
    changes nothing. A finished enrollment stays finished until it is
    reopened: what is still heard goes into its history. Raises ValueError
    for an unknown kind, and for a step, status or outcome that the cadence
    does not have. What is `migrated` goes through `migrate`. calendar: the
    one that the prospect lives by.
    """
    standing = Standing(cadence=cadence, state=state, profile=profile, now=now, calendar=calendar)
    handle = _HANDLERS.get(occurrence.kind)
    if handle is None:
        raise ValueError(f"{occurrence.kind!r} is no kind of occurrence")
    return handle(standing, occurrence)


def hold(state: EnrollmentState, occurrence: Occurrence) -> Transition:
    """What to do where `advance` fails: pause, and remember what cannot be undone.

    A touch that left is noted, so that it is not planned again; a task that
    could not be opened is not, so that it will be.
    """
    step = occurrence.step or ""
    visit = state.visits.get(step, 0)
    heard = state
    if occurrence.kind in SETTLED and occurrence.data.get("visit", visit) == visit:
        heard = note(state, step, {occurrence.kind: occurrence.at})
    elif occurrence.event is not None:
        heard = note(state, step, hearing.marks_of(occurrence, occurrence.event))
    return pause(heard) if state.status is EnrollmentStatus.ACTIVE else unchanged(heard)


def _lane_concerned(state: EnrollmentState, occurrence: Occurrence) -> str | None:
    """The lane that stands at the step and visit that this is about, if the enrollment goes on."""
    if state.status is not EnrollmentStatus.ACTIVE or occurrence.step is None:
        return None
    lane = state.lane_at(occurrence.step)
    if lane is None:
        return None
    visit = state.at(lane).visit
    return lane if occurrence.data.get("visit", visit) == visit else None


def _settle(standing: Standing, occurrence: Occurrence) -> Transition:
    """A touch left, failed or was skipped."""
    state, step = standing.state, occurrence.step
    if step is None:
        raise ValueError(f"an occurrence of kind {occurrence.kind!r} names its step")
    visit = state.visits.get(step, 0)
    is_old = occurrence.data.get("visit", visit) != visit
    if is_old or occurrence.kind in state.history.get(step, {}):
        return unchanged(state)
    marks = {occurrence.kind: occurrence.at}
    if occurrence.data.get("reason") == OVERDUE:
        marks[OVERDUE] = occurrence.at
    heard = note(state, step, marks)
    lane = _lane_concerned(state, occurrence)
    if lane is not None:
        return go_on(standing, heard, lanes=(lane,))
    if state.status is EnrollmentStatus.ACTIVE:
        return go_on(standing, heard)
    return unchanged(heard)


def _open_task(standing: Standing, occurrence: Occurrence) -> Transition:
    state, step = standing.state, occurrence.step or ""
    lane = _lane_concerned(state, occurrence)
    if lane is None or occurrence.kind in state.history.get(step, {}):
        return unchanged(state)
    heard = note(state, step, {occurrence.kind: occurrence.at})
    here = evolve(standing, state=state.view(lane))
    effects = standing.cadence.steps[step].effects(here, occurrence)
    return go_on(standing, heard, lanes=(lane,), effects=effects)


def _elapse(standing: Standing, occurrence: Occurrence) -> Transition:
    """A timer is due: of a step that waits, or of a pause."""
    state = standing.state
    until = state.paused_until
    if state.status is EnrollmentStatus.PAUSED and until is not None:
        is_over = until <= standing.now
        return by_hand.resume(standing, occurrence) if is_over else pause(state, until=until)
    lane = _lane_concerned(state, occurrence)
    return unchanged(state) if lane is None else go_on(standing, state, lanes=(lane,))


_HANDLERS: Mapping[str, Callable[[Standing, Occurrence], Transition]] = {
    "sent": _settle,
    "failed": _settle,
    "skipped": _settle,
    "opened_task": _open_task,
    "elapsed": _elapse,
    "event": hearing.hear,
    "stopped": by_hand.stop,
    "paused": by_hand.hold_on,
    "resumed": by_hand.resume,
    "moved": by_hand.move,
    "finished": by_hand.finish_as,
    "status": by_hand.set_status,
    "reopened": by_hand.reopen,
}
