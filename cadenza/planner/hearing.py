"""What is heard of an enrollment from outside: answers, clicks, signals, word of colleagues."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cadenza.abc import Standing
from cadenza.language.cadence import ColleagueRule
from cadenza.model import (
    Effect,
    EnrollmentState,
    EnrollmentStatus,
    EventType,
    Occurrence,
    Outcome,
    Transition,
)
from cadenza.planner.by_hand import move_to
from cadenza.planner.course import finish, go_on
from cadenza.planner.positions import note
from cadenza.planner.rest import pause, unchanged

# Said often, and never asked for: no step waits for these.
_UNHEARD = frozenset({EventType.DELIVERED, EventType.SOFT_BOUNCED})

_OWNER_WANTS_TO_KNOW = frozenset({EventType.REPLIED, EventType.MEETING_BOOKED})
_COLLEAGUES_MAY_ASK = _OWNER_WANTS_TO_KNOW | {EventType.UNSUBSCRIBED}

_LATEST = "latest:"
_MOVING = frozenset({"move", "reopen"})


def hear(standing: Standing, occurrence: Occurrence) -> Transition:
    """An event came: exit rules and reactions first, then whoever waits for it."""
    state, event = standing.state, occurrence.event
    if event is None:
        raise ValueError("an occurrence of kind 'event' names its event")
    if "party" not in occurrence.data:  # a vendor's answer to the last reminder is one to this
        occurrence = _as_of_now(state, occurrence)
    event = occurrence.event
    if event is None or event in _UNHEARD:
        return unchanged(state)
    step = occurrence.step or ""
    if event in state.history.get(step, {}):
        return _hear_again(standing, occurrence, event)
    heard = note(state, step, marks_of(occurrence, event))
    if "party" in occurrence.data:
        # Another party of the subject answered or cannot be reached: steps and
        # branches hear that, but it is no answer, bounce or opt-out of the prospect.
        return _look(standing, heard, _notice(standing, event, occurrence))
    effects = [*_notice(standing, event, occurrence), *_for_colleagues(standing, occurrence, event)]
    if state.status is EnrollmentStatus.FINISHED:
        return unchanged(heard, effects)
    return (
        _leave_by_rule(standing, heard, occurrence, event, effects)
        or _react(standing, heard, occurrence, event, effects)
        or _look(standing, heard, effects)
    )


def marks_of(occurrence: Occurrence, event: str) -> Mapping[str, datetime]:
    """What goes into the history: the event, and how a task went."""
    marks = {str(said): occurrence.at for said in _events_of(occurrence, event)}
    disposition = occurrence.data.get("disposition")
    if event == EventType.TASK_DONE and disposition:
        marks[f"disposition:{disposition}"] = occurrence.at
    return marks


def _as_of_now(state: EnrollmentState, occurrence: Occurrence) -> Occurrence:
    """What is about an earlier visit of its step is about no step of now.

    An answer to it is still one, and stops what it stops. A task of then is
    of no interest any more; but a meeting that was booked with it is booked.
    The event is None where nothing is left of it.
    """
    step = occurrence.step
    if step is None or occurrence.data.get("visit") in (None, state.visits.get(step)):
        return occurrence
    if occurrence.event != EventType.TASK_DONE:
        return replace(occurrence, step=None)
    is_booked = EventType.MEETING_BOOKED in _events_of(occurrence, EventType.TASK_DONE)
    event = EventType.MEETING_BOOKED if is_booked else None
    return replace(occurrence, step=None, event=event, data={})


def _leave_by_rule(
    standing: Standing,
    heard: EnrollmentState,
    occurrence: Occurrence,
    event: str,
    effects: Sequence[Effect],
) -> Transition | None:
    """What the exit rules say; None if they let it go on."""
    for said in _events_of(occurrence, event):
        rule = standing.cadence.exits.get(said)
        if rule and rule.action == "stop":
            return finish(standing, heard, rule.outcome or Outcome.STOPPED, effects)
        if rule and rule.action == "pause" and heard.status is EnrollmentStatus.ACTIVE:
            return pause(heard, effects)
    return None


def _look(standing: Standing, heard: EnrollmentState, effects: Sequence[Effect]) -> Transition:
    """Move on if what was heard is what a step waits for."""
    if heard.status is EnrollmentStatus.ACTIVE:
        return go_on(standing, heard, effects=effects)
    return unchanged(heard, effects)


def _hear_again(standing: Standing, occurrence: Occurrence, event: str) -> Transition:
    """The same once more: what it means is known, unless it is news.

    A pause that was lifted since can begin anew, and a signal moves the
    enrollment each time that it comes.
    """
    state = standing.state
    if state.status is EnrollmentStatus.FINISHED or "party" in occurrence.data:
        return unchanged(state)
    rule = standing.cadence.exits.get(event)
    resumed = state.history.get("", {}).get("hand:resumed")
    lifted = resumed is not None and occurrence.at > resumed
    if lifted and rule and rule.action == "pause" and state.status is EnrollmentStatus.ACTIVE:
        return pause(state)
    of_none = state.history.get("", {})
    last = of_none.get(f"{_LATEST}{event}") or of_none.get(event)
    if last is None or occurrence.at > last:
        heard = note(state, "", {f"{_LATEST}{event}": occurrence.at})
        return _react(standing, heard, occurrence, event, ()) or unchanged(state)
    return unchanged(state)


def _react(
    standing: Standing,
    heard: EnrollmentState,
    occurrence: Occurrence,
    event: str,
    effects: Sequence[Effect],
) -> Transition | None:
    """A signal ends the enrollment, or moves it; None if it is only heard."""
    reaction = standing.cadence.signals.get(event)
    if reaction is None:
        return None
    if reaction.action == "end":
        return finish(standing, heard, reaction.outcome or Outcome.STOPPED, effects)
    if reaction.action in _MOVING and reaction.step is not None:
        return move_to(standing, heard, reaction.step, occurrence.at, effects)
    return None


def _events_of(occurrence: Occurrence, event: str) -> Sequence[str]:
    """A meeting that a rep books on the phone is a meeting."""
    booked = occurrence.data.get("disposition") == EventType.MEETING_BOOKED
    if event == EventType.TASK_DONE and booked:
        return (event, EventType.MEETING_BOOKED)
    return (event,)


def _notice(standing: Standing, event: str, occurrence: Occurrence) -> Sequence[Effect]:
    """One notification when the prospect, or another party, first responds, even after the end."""
    known = _is_known(standing, event, occurrence.data.get("party"))
    if event not in _OWNER_WANTS_TO_KNOW or known:
        return ()
    return (Effect(kind="notify_owner", data={"event": str(event), "step": occurrence.step}),)


def _is_known(standing: Standing, event: str, party: str | None = None) -> bool:
    """Whether the prospect, or that party, did this before."""
    steps = standing.cadence.steps
    return any(
        event in of_step
        for step, of_step in standing.state.history.items()
        if getattr(steps.get(step), "to", None) == party
    )


def _for_colleagues(standing: Standing, occurrence: Occurrence, event: str) -> Sequence[Effect]:
    """What the event means for others at the company, also after the end."""
    effects = []
    for said in _events_of(occurrence, event):
        rule = standing.cadence.exits.get(said)
        if rule is not None and rule.colleagues.action != "continue":
            effects.append(_for_others(rule.colleagues, said))
        if said in _COLLEAGUES_MAY_ASK and not _is_known(standing, said):
            effects.append(Effect(kind="tell_colleagues", data={"event": str(said)}))
    return effects


def _for_others(rule: ColleagueRule, event: str) -> Effect:
    data = {"do": rule.action, "days": rule.pause_days, "event": str(event)}
    return Effect(kind="colleagues", data=data)
