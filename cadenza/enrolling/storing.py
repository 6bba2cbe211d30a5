"""The rows of those who begin: enrollments, their plans, their first status."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cadenza.enrolling.wanted import Begun, Ready
from cadenza.language.cadence import Cadence
from cadenza.model import EnrollmentId
from cadenza.storage import due, enrollments, statuses
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection
from cadenza.storage.due import NewPlan
from cadenza.storage.enrollments import NewEnrollment


async def store(
    tx: Connection,
    version: StoredVersion,
    cadence: Cadence,
    ready: Sequence[Ready],
    plans: Mapping[int, Sequence[NewPlan]],
    *,
    now: datetime,
) -> Sequence[Begun]:
    """Write them. cadence: of `version`. plans: for each, by their numbers."""
    ids = await enrollments.create(tx, [_new(r, version) for r in ready], now)
    await due.plan(
        tx,
        [
            replace(plan, enrollment_id=ids[r.wanted.identity])
            for r in ready
            for plan in plans[r.wanted.number]
        ],
    )
    if cadence.statuses is not None:
        first = cadence.statuses.first
        began = [r.starts_at or now for r in ready]
        await statuses.begin(tx, [ids[r.wanted.identity] for r in ready], first, began)
    return [_begun(r, ids[r.wanted.identity]) for r in ready]


def _begun(ready: Ready, enrollment_id: EnrollmentId) -> Begun:
    return Begun(
        number=ready.wanted.number,
        verdict="enrolled",
        reason=ready.reason,
        enrollment_id=enrollment_id,
        starts_at=ready.starts_at,
        state=ready.started.state,
        effects=ready.started.effects,
    )


def _new(ready: Ready, version: StoredVersion) -> NewEnrollment:
    return NewEnrollment(
        prospect_id=ready.profile.prospect_id,
        cadence_id=version.cadence_id,
        version_id=version.version_id,
        subject=ready.wanted.subject,
        shard=ready.wanted.shard,
        state=ready.started.state,
        about=ready.wanted.about,
        heard=ready.heard,
        profile=ready.profile,
    )
