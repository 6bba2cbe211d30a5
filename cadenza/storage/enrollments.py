"""Enrollments: where each prospect stands in a cadence."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cadenza.model import (
    EnrollmentId,
    EnrollmentState,
    Profile,
    ProspectId,
    VersionId,
)
from cadenza.planner import digest_of, facts_of, state_from_json, state_to_json
from cadenza.storage.database import Connection, Row
from cadenza.storage.prospects import COLUMNS, profile_of


@dataclass(frozen=True, kw_only=True)
class Enrollment:
    """One row with its prospect, as the course of events needs it.

    forbidden: how often an address of its prospect was forbidden so far.
    facts: the digest of the profile that its log has last.
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
    facts: str = ""


@dataclass(frozen=True, kw_only=True)
class NewEnrollment:
    """What `create` needs to know.

    about: fields of the subject, `parties` among them. heard, profile: what
    `planner.start` was told.
    """

    prospect_id: ProspectId
    cadence_id: int
    version_id: VersionId
    subject: str
    shard: int
    state: EnrollmentState
    about: Mapping[str, Any] = field(default_factory=dict)
    heard: Mapping[str, datetime] = field(default_factory=dict)
    profile: Profile | None = None


_SELECT = f"""select e.id as enrollment_id, e.version_id, e.cadence_id, e.shard, e.subject,
    e.subject_fields, e.reason, e.forbidden, e.facts, e.course, {COLUMNS}
    from enrollment e join prospect p on p.id = e.prospect_id"""


async def create(
    tx: Connection, new: Sequence[NewEnrollment], now: datetime
) -> Mapping[tuple[ProspectId, str], EnrollmentId]:
    """Enroll; returns (prospect, subject) → id of those that were not active already."""
    rows = await tx.fetch(
        """with created as (
        insert into enrollment (prospect_id, cadence_id, version_id, subject, shard, status,
            outcome, step, visit, standing, facts, course, subject_fields, started_at, changed_at)
        select p, c, ver, su, sh, st, o, s, vi, string_to_array(pos, ' '), f, co, ab, beg, $13
        from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::smallint[],
            $6::text[], $7::text[], $8::text[], $9::int[], $10::text[]::jsonb[],
            $11::text[]::jsonb[], $12::timestamptz[], $14::text[], $16::text[])
            as t (p, c, ver, su, sh, st, o, s, vi, co, ab, beg, pos, f)
        on conflict (prospect_id, cadence_id, subject) where status <> 'finished' do nothing
        returning id, prospect_id, subject, started_at),
        logged as (
            insert into course_log (enrollment_id, recorded_now, kind, at, data)
            select id, started_at, 'started', started_at, d
            from created join unnest($1::bigint[], $4::text[], $15::text[]::jsonb[])
                as t (p, su, d) on prospect_id = p and subject = su)
        select id, prospect_id, subject from created""",
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
        [json.dumps(dict(n.about)) for n in new],
        [n.state.started_at for n in new],
        now,
        [_standing(n.state) for n in new],
        [_started(n) for n in new],
        [digest_of(n.profile) if n.profile else "" for n in new],
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


async def written(tx: Connection, ids: Sequence[EnrollmentId]) -> set[EnrollmentId]:
    """Which of these this transaction has written itself, those that it created among them."""
    rows = await tx.fetch(
        """select id from enrollment where id = any($1::bigint[])
            and xmin = pg_current_xact_id()::xid""",
        ids,
    )
    return {row["id"] for row in rows}


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
            standing = string_to_array(t.pos, ' '), course = t.c, reason = t.r,
            changed_at = case
                when (status, standing) is distinct from (t.st, string_to_array(t.pos, ' '))
                then $8 else changed_at end
        from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[],
            $6::text[]::jsonb[], $7::text[], $9::text[]) as t (id, st, o, s, v, c, r, pos)
        where enrollment.id = t.id""",
        [c[0] for c in changes],
        [c[1].status for c in changes],
        [c[1].outcome for c in changes],
        [c[1].step for c in changes],
        [c[1].visit for c in changes],
        [json.dumps(state_to_json(c[1])) for c in changes],
        [c[2] for c in changes],
        now,
        [_standing(c[1]) for c in changes],
    )


async def set_versions(tx: Connection, versions: Sequence[tuple[EnrollmentId, VersionId]]) -> None:
    """Let enrollments, which are locked, go on by other versions of their cadences."""
    if versions:
        await tx.execute(
            """update enrollment set version_id = t.v
            from unnest($1::bigint[], $2::bigint[]) as t (id, v) where enrollment.id = t.id""",
            [enrollment_id for enrollment_id, _ in versions],
            [version for _, version in versions],
        )


async def set_facts(tx: Connection, facts: Sequence[tuple[EnrollmentId, str]]) -> None:
    """Note the digests of the profiles that the logs of enrollments, which are locked, have now."""
    if facts:
        await tx.execute(
            """update enrollment set facts = t.f
            from unnest($1::bigint[], $2::text[]) as t (id, f) where enrollment.id = t.id""",
            [enrollment_id for enrollment_id, _ in facts],
            [digest for _, digest in facts],
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


def _started(new: NewEnrollment) -> str:
    """What the log keeps of its beginning."""
    data: dict[str, Any] = {}
    if new.heard:
        data["heard"] = {event: at.isoformat() for event, at in new.heard.items()}
    if new.profile is not None:
        data["profile"] = facts_of(new.profile)
    return json.dumps(data)


def _standing(state: EnrollmentState) -> str:
    """Names of positions, with blanks between them: PostgreSQL unnests no ragged arrays."""
    return " ".join(position.name for position in state.positions().values())


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
        facts=row["facts"],
        state=state_from_json(course),
        profile=with_subject(profile_of(row), row["subject"], row["subject_fields"]),
    )


def with_subject(profile: Profile, subject: str, about: Mapping[str, Any]) -> Profile:
    """The profile as an enrollment about `subject` sees it. about: as `NewEnrollment` has it."""
    fields = {name: value for name, value in about.items() if name != "parties"}
    if subject:
        fields["id"] = subject
    return replace(profile, subject=fields, parties=about.get("parties", {}))
