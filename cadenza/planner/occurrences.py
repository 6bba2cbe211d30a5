"""What each thing that happens changes. Whatever came before changes nothing the second time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cadenza.abc import Standing
from cadenza.language.cadence import Cadence
from cadenza.model import (
    Effect,
    EnrollmentState,
    EnrollmentStatus,
    EventType,
    Occurrence,
    Outcome,
    Profile,
    Transition,
)
from cadenza.planner.course import finish, walk
from cadenza.steps.touch import SETTLED

# Said often, and never asked for: no step waits for these.
_UNHEARD = frozenset({EventType.DELIVERED, EventType.SOFT_BOUNCED})

_OWNER_WANTS_TO_KNOW = frozenset({EventType.REPLIED, EventType.MEETING_BOOKED})


def advance(
    cadence: Cadence,
    state: EnrollmentState,
    profile: Profile,
    occurrence: Occurrence,
    now: datetime,
) -> Transition:
    """What `occurrence` changes, planned not before `now`. Pure.

    The same occurrence again, or delivery's word about an earlier visit of
    its step, changes nothing. A finished enrollment stays finished: what is
    still heard goes into its history. Raises ValueError for an unknown kind.
    """
    standing = Standing(cadence=cadence, state=state, profile=profile, now=now)
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
        heard = _record(state, step, {occurrence.kind: occurrence.at})
    elif occurrence.event is not None:
        heard = _record(state, step, _marks(occurrence, occurrence.event))
    return _pause(heard) if state.status is EnrollmentStatus.ACTIVE else _unchanged(heard)


def _unchanged(state: EnrollmentState) -> Transition:
    return Transition(state=state, replace_plan=False)


def _is_about_now(state: EnrollmentState, occurrence: Occurrence) -> bool:
    """Whether the enrollment goes on, and stands at the step and visit that this is about."""
    return (
        state.status is EnrollmentStatus.ACTIVE
        and occurrence.step == state.step
        and occurrence.data.get("visit", state.visit) == state.visit
    )


def _settle(standing: Standing, occurrence: Occurrence) -> Transition:
    """A touch left, failed or was skipped."""
    state, step = standing.state, occurrence.step
    if step is None:
        raise ValueError(f"an occurrence of kind {occurrence.kind!r} names its step")
    visit = state.visits.get(step, 0)
    is_old = occurrence.data.get("visit", visit) != visit
    if is_old or occurrence.kind in state.history.get(step, {}):
        return _unchanged(state)
    heard = _record(state, step, {occurrence.kind: occurrence.at})
    if not _is_about_now(state, occurrence):
        return _unchanged(heard)
    return walk(standing.cadence, heard, standing.profile, standing.now)


def _open_task(standing: Standing, occurrence: Occurrence) -> Transition:
    state = standing.state
    opened = occurrence.kind in state.history.get(state.step, {})
    if opened or not _is_about_now(state, occurrence):
        return _unchanged(state)
    heard = _record(state, state.step, {occurrence.kind: occurrence.at})
    effects = standing.cadence.steps[state.step].effects(standing, occurrence)
    return walk(standing.cadence, heard, standing.profile, standing.now, effects)


def _elapse(standing: Standing, occurrence: Occurrence) -> Transition:
    if not _is_about_now(standing.state, occurrence):
        return _unchanged(standing.state)
    return walk(standing.cadence, standing.state, standing.profile, standing.now)


def _hear(standing: Standing, occurrence: Occurrence) -> Transition:
    state, event = standing.state, occurrence.event
    if event is None:
        raise ValueError("an occurrence of kind 'event' names its event")
    step = occurrence.step or ""
    if event in _UNHEARD:
        return _unchanged(state)
    if event in state.history.get(step, {}):
        return _hear_again(standing, occurrence, event)
    heard = _record(state, step, _marks(occurrence, event))
    effects = _notice(state, event, occurrence)
    if state.status is EnrollmentStatus.FINISHED:
        return Transition(state=heard, replace_plan=False, effects=effects)
    for said in _events_of(occurrence, event):
        rule = standing.cadence.exits.get(said)
        if rule and rule.action == "stop":
            return finish(heard, rule.outcome or Outcome.STOPPED, effects)
        if rule and rule.action == "pause" and state.status is EnrollmentStatus.ACTIVE:
            return _pause(heard, effects)
    return _look_again(standing, heard, effects)


def _hear_again(standing: Standing, occurrence: Occurrence, event: EventType) -> Transition:
    """The same once more: only a pause that was lifted since can begin anew."""
    state = standing.state
    resumed = state.history.get("", {}).get("resumed")
    rule = standing.cadence.exits.get(event)
    lifted = resumed is not None and occurrence.at > resumed
    if lifted and rule and rule.action == "pause" and state.status is EnrollmentStatus.ACTIVE:
        return _pause(state)
    return _unchanged(state)


def _look_again(
    standing: Standing, heard: EnrollmentState, effects: Sequence[Effect]
) -> Transition:
    """Move on if what was heard is what the present step waits for."""
    state = standing.state
    if state.status is EnrollmentStatus.ACTIVE:
        step = standing.cadence.steps[state.step]
        if step.plan(replace(standing, state=heard)) != step.plan(standing):
            return walk(standing.cadence, heard, standing.profile, standing.now, effects)
    return Transition(state=heard, replace_plan=False, effects=effects)


def _events_of(occurrence: Occurrence, event: EventType) -> Sequence[EventType]:
    """A meeting that a rep books on the phone is a meeting."""
    booked = occurrence.data.get("disposition") == EventType.MEETING_BOOKED
    if event is EventType.TASK_DONE and booked:
        return (event, EventType.MEETING_BOOKED)
    return (event,)


def _marks(occurrence: Occurrence, event: EventType) -> Mapping[str, datetime]:
    marks = {str(said): occurrence.at for said in _events_of(occurrence, event)}
    disposition = occurrence.data.get("disposition")
    if event is EventType.TASK_DONE and disposition:
        marks[f"disposition:{disposition}"] = occurrence.at
    return marks


def _notice(state: EnrollmentState, event: EventType, occurrence: Occurrence) -> Sequence[Effect]:
    """One notification when the prospect first responds, even after the end."""
    known = any(event in of_step for of_step in state.history.values())
    if event not in _OWNER_WANTS_TO_KNOW or known:
        return ()
    return (Effect(kind="notify_owner", data={"event": event.value, "step": occurrence.step}),)


def _stop(standing: Standing, occurrence: Occurrence) -> Transition:
    state = standing.state
    if state.status is EnrollmentStatus.FINISHED:
        return _unchanged(state)
    return finish(state, Outcome(occurrence.data.get("outcome", Outcome.STOPPED)))


def _pause_active(standing: Standing, _: Occurrence) -> Transition:
    if standing.state.status is not EnrollmentStatus.ACTIVE:
        return _unchanged(standing.state)
    return _pause(standing.state)


def _pause(state: EnrollmentState, effects: Sequence[Effect] = ()) -> Transition:
    paused = replace(state, status=EnrollmentStatus.PAUSED)
    return Transition(state=paused, replace_plan=True, plan=None, effects=effects)


def _resume(standing: Standing, occurrence: Occurrence) -> Transition:
    """Plan the present step anew: not earlier than it was, gaps as they were."""
    state = standing.state
    if state.status is not EnrollmentStatus.PAUSED:
        return _unchanged(state)
    active = replace(state, status=EnrollmentStatus.ACTIVE)
    resumed = _record(active, "", {"resumed": occurrence.at})
    return walk(standing.cadence, resumed, standing.profile, standing.now)


def _record(state: EnrollmentState, step: str, marks: Mapping[str, datetime]) -> EnrollmentState:
    history = {**state.history, step: {**state.history.get(step, {}), **marks}}
    return replace(state, history=history)


_HANDLERS: Mapping[str, Callable[[Standing, Occurrence], Transition]] = {
    "sent": _settle,
    "failed": _settle,
    "skipped": _settle,
    "opened_task": _open_task,
    "elapsed": _elapse,
    "event": _hear,
    "stopped": _stop,
    "paused": _pause_active,
    "resumed": _resume,
}
