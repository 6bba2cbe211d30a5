"""What one enrollment's events mean for others: colleagues at the company."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadenza.catalog import Catalog
from cadenza.course.changing import Change, Happening
from cadenza.language.cadence import Cadence
from cadenza.language.listening import hears_colleagues
from cadenza.model import (
    Effect,
    EnrollmentId,
    EnrollmentStatus,
    EventType,
    Occurrence,
    Outcome,
)
from cadenza.storage import reactions
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.reactions import Reaction

# What is said so often, and by machines, that it means nothing to colleagues.
_TELLS_NOTHING = frozenset(
    {
        EventType.DELIVERED,
        EventType.OPENED,
        EventType.CLICKED,
        EventType.AUTO_REPLIED,
        EventType.SOFT_BOUNCED,
        EventType.CONNECTION_ACCEPTED,
    }
)
_DONE = {"stop": "stopped", "pause": "paused"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What happens to a colleague's enrollment. what: told, stopped or paused."""

    enrollment_id: EnrollmentId
    occurrence: Occurrence
    what: str


def may_concern_colleagues(occurrence: Occurrence) -> bool:
    """Whether an exit rule may have a word for colleagues about this."""
    event = occurrence.event
    if occurrence.kind != "event" or event is None or event in _TELLS_NOTHING:
        return False
    if event == EventType.TASK_DONE:
        return bool(occurrence.data.get("disposition") == EventType.MEETING_BOOKED)
    return not event.startswith(("colleague_", "raw:"))


async def tell_colleagues(
    tx: Connection,
    changes: Iterable[Change],
    locked: Mapping[EnrollmentId, Enrollment],
    catalog: Catalog,
) -> Sequence[Happening]:
    """What happens to colleagues by what was decided since it was asked last.

    Where a stored event is behind it, that is noted with the colleagues' enrollments.
    """
    told = [
        (t, cause)
        for change in changes
        for effect, cause in change.untold()
        for t in for_colleagues(effect, change.before, locked, catalog, cause.occurrence.at)
    ]
    noted = [
        Reaction(event_id=cause.event_id, enrollment_id=t.enrollment_id, what=t.what)
        for t, cause in told
        if cause.event_id is not None
    ]
    await reactions.record(tx, noted)
    return [Happening(enrollment_id=t.enrollment_id, occurrence=t.occurrence) for t, _ in told]


def for_colleagues(
    effect: Effect,
    origin: Enrollment,
    locked: Mapping[EnrollmentId, Enrollment],
    catalog: Catalog,
    at: datetime,
) -> Iterable[Told]:
    """What an effect of `origin` brings to its colleagues among `locked`."""
    for other in _colleagues(origin, locked):
        occurrence = word_for_colleagues(effect, catalog[other.version_id], at)
        if occurrence is not None:
            what = "told" if occurrence.kind == "event" else occurrence.kind
            yield Told(enrollment_id=other.enrollment_id, what=what, occurrence=occurrence)


def word_for_colleagues(effect: Effect, cadence: Cadence, at: datetime) -> Occurrence | None:
    """What an effect of somebody's is to a colleague in `cadence`; None: nothing. Pure."""
    if effect.kind == "tell_colleagues" and hears_colleagues(cadence):
        return Occurrence(kind="event", at=at, event=f"colleague_{effect.data['event']}")
    if effect.kind == "colleagues" and not cadence.service:
        return Occurrence(kind=_DONE[effect.data["do"]], at=at, data=_data(effect))
    return None


def _data(effect: Effect) -> Mapping[str, Any]:
    reason = f"a colleague: {effect.data['event']}".replace("_", " ")
    if effect.data["do"] == "stop":
        return {"outcome": Outcome.STOPPED, "reason": reason}
    return {"days": effect.data["days"], "reason": reason}


def _colleagues(
    origin: Enrollment, locked: Mapping[EnrollmentId, Enrollment]
) -> Sequence[Enrollment]:
    if origin.company is None:
        return ()
    return [
        other
        for _, other in sorted(locked.items())
        if other.company == origin.company
        and other.profile.prospect_id != origin.profile.prospect_id
        and other.state.status is not EnrollmentStatus.FINISHED
    ]
