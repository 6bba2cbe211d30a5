"""An enrollment that cannot go on: it remembers what happened, and waits until a person looks."""

from datetime import datetime

import structlog

from cadenza import planner
from cadenza.calendars import NoOpening
from cadenza.course.changing import Change, Happening
from cadenza.errors import CadenzaError, RenderError, traced

log = structlog.get_logger(__name__)


class CannotMoveOn(CadenzaError):
    """The cadence to which an enrollment moves is not there, or does not take its person."""


# Errors that are written for people.
_FOR_PEOPLE = (RenderError, NoOpening, CannotMoveOn)


def hold(change: Change, happening: Happening, error: Exception, now: datetime) -> None:
    """Remember what happened, and pause."""
    told = str(error)
    if not isinstance(error, _FOR_PEOPLE):
        told = type(error).__name__
        log.error("enrollment_held", error=traced(error))
    transition = planner.hold(change.state, happening.occurrence)
    change.take(transition, happening, f"cannot go on: {told}", now=now, held=True)
