"""Transitions after which an enrollment does nothing: unchanged, and paused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cadenza.calendars import whole_second
from cadenza.model import Effect, EnrollmentState, EnrollmentStatus, Transition
from cadenza.planner.course import names, timer


def unchanged(state: EnrollmentState, effects: Sequence[Effect] = ()) -> Transition:
    """`state`, and whatever is planned stays."""
    return Transition(state=state, effects=tuple(effects))


def pause(
    state: EnrollmentState,
    effects: Sequence[Effect] = (),
    *,
    until: datetime | None = None,
    before: EnrollmentState | None = None,
) -> Transition:
    """Hold all positions: until somebody resumes it, or until `until`.

    A timer of the main position then ends the pause.
    """
    if until is not None:
        until = whole_second(until)
    paused = replace(state, status=EnrollmentStatus.PAUSED, paused_until=until)
    plans = (timer(state, until),) if until is not None else ()
    return Transition(
        state=paused, replaced=names(before or state), plans=plans, effects=tuple(effects)
    )
