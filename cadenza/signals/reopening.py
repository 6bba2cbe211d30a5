"""Enrollments that a signal opens again after they ended."""

from collections.abc import Sequence

from cadenza.catalog import Catalog
from cadenza.course.course import Happening
from cadenza.language.cadence import Cadence
from cadenza.model import EnrollmentStatus, Occurrence, ProspectId
from cadenza.signals.message import Signal
from cadenza.storage import beginnings
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.events import StoredEvent
from cadenza.suppression.suppressing import person_keys, who_is_forbidden


def opens_again(cadence: Cadence) -> bool:
    """Whether any signal opens its enrollments again."""
    return any(reaction.action == "reopen" for reaction in cadence.signals.values())


async def to_reopen(
    tx: Connection, catalog: Catalog, signal: Signal, heard: Sequence[Enrollment]
) -> Sequence[Enrollment]:
    """The last enrollment of each person and cadence, if all are over and they may be touched.

    Nobody begins these cadences meanwhile: one of these can run at a time.
    """
    over = [
        e
        for e in heard
        if e.state.status is EnrollmentStatus.FINISHED
        and catalog[e.version_id].signals[signal.name].action == "reopen"
    ]
    if not over:
        return ()
    await beginnings.lock_cadences(tx, [e.cadence_id for e in over])
    busy: set[tuple[int, ProspectId, str]] = set()
    for cadence_id in {e.cadence_id for e in over}:
        people = [e.profile.prospect_id for e in over if e.cadence_id == cadence_id]
        running = await beginnings.running(tx, cadence_id, people)
        busy |= {(cadence_id, *identity) for identity in running}
    forbidden = await who_is_forbidden(
        tx,
        {
            e.enrollment_id: person_keys(e.profile, service=catalog[e.version_id].service)
            for e in over
        },
    )
    last = {_identity(e): e for e in sorted(over, key=lambda e: e.enrollment_id)}
    return [
        e
        for identity, e in last.items()
        if identity not in busy and e.enrollment_id not in forbidden
    ]


def reopened(e: Enrollment, cadence: Cadence, signal: Signal, stored: StoredEvent) -> Happening:
    """What happens to it. cadence: its own. stored: the signal as it came."""
    step = cadence.signals[signal.name].step
    return Happening(
        enrollment_id=e.enrollment_id,
        event_id=stored.event_id,
        occurrence=Occurrence(
            kind="reopened", at=signal.at, data={"step": step, "reason": signal.name}
        ),
    )


def _identity(enrollment: Enrollment) -> tuple[int, ProspectId, str]:
    return enrollment.cadence_id, enrollment.profile.prospect_id, enrollment.subject
