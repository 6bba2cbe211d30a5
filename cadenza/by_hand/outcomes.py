"""What a rep decides about one enrollment: how it ended, and how it stands in the CRM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cadenza.by_hand.steering import BY_HAND, happen, stop
from cadenza.clock import Clock
from cadenza.course.course import Course
from cadenza.errors import CadenzaError, UnknownName
from cadenza.language.cadence import Cadence, Statuses
from cadenza.language.requirements import Facts
from cadenza.model import EnrollmentId, EnrollmentStatus, Outcome
from cadenza.storage import enrollments, facts, statuses
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.statuses import StatusSpan

BY_REPS = tuple(o for o in Outcome if o not in (Outcome.MOVED, Outcome.BOUNCED))
"""The outcomes that a rep may set; the others are facts."""


class RequirementsMissing(CadenzaError):
    """Not everything was done that the cadence requires before. missing: each as a phrase."""

    def __init__(self, what: str, missing: Sequence[str]) -> None:
        super().__init__(f"before {what} the cadence requires {_and(missing)}")
        self.missing = tuple(missing)

    @property
    def details(self) -> Mapping[str, Any]:
        """The same for programs."""
        return {"missing": list(self.missing)}


class IllegalTransition(CadenzaError):
    """This status cannot follow the present one. legal: those that can."""

    def __init__(self, status: str, present: str, legal: Sequence[str]) -> None:
        super().__init__(
            f"status {status!r} cannot follow {present!r}; choose {' or '.join(legal) or 'none'}"
        )
        self.legal = tuple(legal)

    @property
    def details(self) -> Mapping[str, Any]:
        """The same for programs."""
        return {"legal": list(self.legal)}


class CannotBeSet(CadenzaError):
    """The enrollment has no such thing to be set, or has ended otherwise."""


@dataclass(frozen=True, kw_only=True)
class StatusReport:
    """The status of one enrollment. field, value: what the CRM calls it. legal: what may follow."""

    enrollment_id: EnrollmentId
    status: str
    field: str
    value: str
    legal: Sequence[str]
    history: Sequence[StatusSpan]


async def set_outcome(
    tx: Connection,
    enrollment_id: EnrollmentId,
    outcome: Outcome,
    note: str,
    *,
    course: Course,
    clock: Clock,
) -> None:
    """End an enrollment as a rep knows it ended. The same again changes nothing.

    `opted_out` is the prospect's wish: it waits for nothing, and puts them
    on the do-not-contact list. Raises UnknownName, RequirementsMissing, and
    CannotBeSet for one that ended otherwise.
    """
    if outcome not in BY_REPS:
        raise CannotBeSet(f"nobody sets {outcome!r}; choose {', '.join(BY_REPS)}")
    if outcome is Outcome.OPTED_OUT:
        await _opt_out(tx, enrollment_id, note, course=course, clock=clock)
        return
    enrollment, cadence = await _held(tx, enrollment_id, course)
    state = enrollment.state
    if state.status is EnrollmentStatus.FINISHED:
        if state.outcome is outcome:
            return
        raise CannotBeSet(f"enrollment {enrollment_id} has ended already, as {state.outcome}")
    await _require(tx, enrollment, cadence, outcome, f"outcome {outcome}")
    data = {"outcome": outcome, "reason": note or BY_HAND}
    await happen(tx, [enrollment_id], "finished", data, course=course, clock=clock)


async def _opt_out(
    tx: Connection, enrollment_id: EnrollmentId, note: str, *, course: Course, clock: Clock
) -> None:
    """Nothing is held yet: with this one go all others of the person, in one order."""
    found = (await enrollments.load(tx, [enrollment_id])).get(enrollment_id)
    enrollment, _ = await _known(tx, enrollment_id, found, course)
    people = [enrollment.profile]
    reason = note or BY_HAND
    await stop(tx, people, reason=reason, do_not_contact=True, course=course, clock=clock)


async def set_status(
    tx: Connection, enrollment_id: EnrollmentId, status: str, *, course: Course, clock: Clock
) -> StatusReport:
    """Change the status in the CRM. The present one again changes nothing.

    Raises UnknownName, CannotBeSet, IllegalTransition and RequirementsMissing.
    """
    enrollment, cadence = await _held(tx, enrollment_id, course)
    known = _statuses(enrollment_id, cadence)
    if status not in known.rules:
        raise CannotBeSet(
            f"there is no status {status[:50]!r}; choose one of: {', '.join(known.rules)}"
        )
    present = enrollment.state.crm_status or known.first
    if status != present:
        if not known.may_become(present, status):
            raise IllegalTransition(status, present, known.after(present))
        await _require(tx, enrollment, cadence, status, f"status {status}")
        await happen(tx, [enrollment_id], "status", {"status": status}, course=course, clock=clock)
    return await status_of(tx, enrollment_id, course=course)


async def status_of(db: Connection, enrollment_id: EnrollmentId, *, course: Course) -> StatusReport:
    """The status, with all that there were. Raises UnknownName and CannotBeSet."""
    found = (await enrollments.load(db, [enrollment_id])).get(enrollment_id)
    enrollment, cadence = await _known(db, enrollment_id, found, course)
    known = _statuses(enrollment_id, cadence)
    present = enrollment.state.crm_status or known.first
    return StatusReport(
        enrollment_id=enrollment_id,
        status=present,
        field=known.field,
        value=known.rules[present].crm,
        legal=[name for name in known.after(present) if name != present],
        history=await statuses.history(db, enrollment_id),
    )


async def _held(
    tx: Connection, enrollment_id: EnrollmentId, course: Course
) -> tuple[Enrollment, Cadence]:
    found = (await enrollments.lock(tx, [enrollment_id])).get(enrollment_id)
    return await _known(tx, enrollment_id, found, course)


async def _known(
    db: Connection, enrollment_id: EnrollmentId, found: Enrollment | None, course: Course
) -> tuple[Enrollment, Cadence]:
    if found is None:
        raise UnknownName(f"there is no enrollment {enrollment_id}")
    await course.ground.catalog.load(db, [found.version_id])
    return found, course.ground.catalog[found.version_id]


def _statuses(enrollment_id: EnrollmentId, cadence: Cadence) -> Statuses:
    if cadence.statuses is None:
        raise CannotBeSet(
            f"cadence {cadence.name} of enrollment {enrollment_id} has no `statuses:`"
        )
    return cadence.statuses


async def _require(
    tx: Connection, enrollment: Enrollment, cadence: Cadence, key: str, what: str
) -> None:
    requirements = cadence.requires.get(key, ())
    if not requirements:
        return
    done = await facts.of_enrollment(tx, enrollment.enrollment_id)
    known = Facts(
        emails_sent=done.emails_sent,
        calls_done=done.calls_done,
        approvals=done.approvals,
        profile=enrollment.profile,
    )
    missing = [told for r in requirements if (told := r.missing(known)) is not None]
    if missing:
        raise RequirementsMissing(what, missing)


def _and(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
