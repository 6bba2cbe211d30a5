"""Whom a signal is about: the enrollments of its subject, and its person."""

from collections.abc import Mapping, Sequence
from typing import Any

from cadenza.accounts import Accounts
from cadenza.enrolling.identities import ALL, People
from cadenza.enrolling.message import Row
from cadenza.model import EnrollmentId, ProspectId
from cadenza.signals.message import Signal
from cadenza.storage import beginnings, reactions
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment


async def enrollments_about(
    tx: Connection, signal: Signal, accounts: Accounts
) -> Sequence[EnrollmentId]:
    """Enrollments of the subject; without one, those of the person about nothing else."""
    if signal.subject:
        found = await reactions.about(tx, signal.subject)
    else:
        row = signal.person(accounts)
        person = await person_of(tx, row) if row is not None else None
        found = await reactions.of_person(tx, [person] if person is not None else [])
    return [f.enrollment_id for f in found]


async def person_of(tx: Connection, row: Row) -> ProspectId | None:
    """Who a row is about, if they are known."""
    p = row.prospect
    known = await beginnings.known_people(
        tx,
        keys=[p.key],
        emails=[p.email] if p.email else [],
        phones=[p.phone] if p.phone else [],
    )
    return People(ALL, known).recognise(p).prospect_id


def known_of(enrollment: Enrollment) -> Mapping[str, Any]:
    """What is known of its subject beside the id."""
    profile = enrollment.profile
    fields: dict[str, Any] = {n: v for n, v in profile.subject.items() if n != "id"}
    parties = {party: dict(of) for party, of in profile.parties.items()}
    return {**fields, "parties": parties} if parties else fields
