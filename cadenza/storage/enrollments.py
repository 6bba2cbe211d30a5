"""Enrollments: where each prospect stands in a cadence."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadenza.model import (
    EnrollmentId,
    EnrollmentState,
    Profile,
    ProspectId,
    VersionId,
)
from cadenza.planner import state_from_json, state_to_json
from cadenza.storage.database import Connection, Row
from cadenza.storage.prospects import COLUMNS, profile_of


@dataclass(frozen=True, kw_only=True)
class Enrollment:
    """One row with its prospect, as the course of events needs it.

    forbidden: how often an address of its prospect was forbidden so far.
    """

    enrollment_id: EnrollmentId
    version_id: VersionId
    cadence_id: int
    company: str | None
    shard: int
    subject: str
    reason: str | None
    forbidden: int
    state: EnrollmentState
    profile: Profile


@dataclass(frozen=True, kw_only=True)
class NewEnrollment:
    """What `create` needs to know."""

    prospect_id: ProspectId
    cadence_id: int
    version_id: VersionId
    subject: str
    shard: int
    state: EnrollmentState


_SELECT = f"""select e.id as enrollment_id, e.version_id, e.cadence_id, e.shard, e.subject,
    e.reason, e.forbidden, e.course, {COLUMNS}
    from enrollment e join prospect p on p.id = e.prospect_id"""


async def create(
    tx: Connection, new: Sequence[NewEnrollment], now: datetime
) -> Mapping[tuple[ProspectId, str], EnrollmentId]:
    """Enroll; returns (prospect, subject) → id of those that were not active already."""
    rows = await tx.fetch(
        """insert into enrollment (prospect_id, cadence_id, version_id, subject, shard, status,
            outcome, step, visit, course, started_at, changed_at)
        select p, c, ver, su, sh, st, o, s, vi, co, $11, $11
        from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::smallint[],
            $6::text[], $7::text[], $8::text[], $9::int[], $10::text[]::jsonb[])
            as t (p, c, ver, su, sh, st, o, s, vi, co)
        on conflict (prospect_id, cadence_id, subject) where status <> 'finished' do nothing
        returning id, prospect_id, subject""",
        [n.prospect_id for n in new],
        [n.cadence_id for n in new],
        [n.version_id for n in new],
        [n.subject for n in new],
        [n.shard for n in new],
        [n.state.status for n in new],
        [n.state.outcome for n in new],
        [n.state.step for n in new],
        [n.state.visit for n in new],
        [json.dumps(state_to_json(n.state)) for n in new],
        now,
    )
    return {(row["prospect_id"], row["subject"]): row["id"] for row in rows}


async def load(db: Connection, ids: Sequence[EnrollmentId]) -> Mapping[EnrollmentId, Enrollment]:
    """Enrollments by id, as they are."""
    rows = await db.fetch(f"{_SELECT} where e.id = any($1::bigint[])", ids)
    return {row["enrollment_id"]: _enrollment(row) for row in rows}


async def lock(tx: Connection, ids: Sequence[EnrollmentId]) -> Mapping[EnrollmentId, Enrollment]:
    """The same, locked against every other change until the transaction ends."""
    rows = await tx.fetch(
        f"{_SELECT} where e.id = any($1::bigint[]) order by e.id for no key update of e", ids
    )
    return {row["enrollment_id"]: _enrollment(row) for row in rows}


async def hold(tx: Connection, ids: Sequence[EnrollmentId]) -> None:
    """Lock enrollments as `lock` does, without reading them."""
    if ids:
        await tx.execute(
            """select 1 from enrollment where id = any($1::bigint[])
            order by id for no key update""",
            ids,
        )


async def forbid(tx: Connection, ids: Sequence[EnrollmentId]) -> None:
    """Let no attempt of these enrollments through that was prepared before; they are held.

    An attempt that already waits for the lock will see the changed row,
    though not what else was written; so the row itself refuses it.
    """
    if ids:
        await tx.execute(
            "update enrollment set forbidden = forbidden + 1 where id = any($1::bigint[])", ids
        )


async def save(
    tx: Connection,
    changes: Sequence[tuple[EnrollmentId, EnrollmentState, str | None]],
    now: datetime,
) -> None:
    """Write new states with their reasons (why paused or stopped; None: nothing to say).

    changed_at is when an enrollment last moved or changed its status: what
    is heard of it after its end does not count.
    """
    if not changes:
        return
    await tx.execute(
        """update enrollment set status = t.st, outcome = t.o, step = t.s, visit = t.v,
            course = t.c, reason = t.r,
            changed_at = case when (status, step, visit) is distinct from (t.st, t.s, t.v)
                then $8 else changed_at end
        from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[],
            $6::text[]::jsonb[], $7::text[]) as t (id, st, o, s, v, c, r)
        where enrollment.id = t.id""",
        [c[0] for c in changes],
        [c[1].status for c in changes],
        [c[1].outcome for c in changes],
        [c[1].step for c in changes],
        [c[1].visit for c in changes],
        [json.dumps(state_to_json(c[1])) for c in changes],
        [c[2] for c in changes],
        now,
    )


async def of_prospects(
    db: Connection, ids: Sequence[ProspectId], *, running_only: bool = True
) -> Mapping[ProspectId, Sequence[EnrollmentId]]:
    """Enrollments of prospects, newest first; `running_only`: not the finished ones."""
    rows = await db.fetch(
        """select prospect_id, array_agg(id order by id desc) as ids from enrollment
        where prospect_id = any($1::bigint[]) and (status <> 'finished' or not $2)
        group by prospect_id""",
        ids,
        running_only,
    )
    return {row["prospect_id"]: row["ids"] for row in rows}


def _enrollment(row: Row) -> Enrollment:
    course: dict[str, Any] = row["course"]
    return Enrollment(
        enrollment_id=row["enrollment_id"],
        version_id=row["version_id"],
        cadence_id=row["cadence_id"],
        company=row["company"],
        shard=row["shard"],
        subject=row["subject"],
        reason=row["reason"],
        forbidden=row["forbidden"],
        state=state_from_json(course),
        profile=profile_of(row),
    )
