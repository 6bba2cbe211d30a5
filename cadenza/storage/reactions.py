"""Whom else an event reached: a signal has many enrollments, an answer has colleagues."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cadenza.model import EnrollmentId, ProspectId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """What an event did to an enrollment that it does not name itself.

    what: `started`, `heard`, `reopened`, `refused`, or of a colleague's
    answer `told`, `stopped`, `paused`.
    """

    event_id: int
    enrollment_id: EnrollmentId
    what: str
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class OfSubject:
    """An enrollment about a subject, as a signal finds it."""

    enrollment_id: EnrollmentId
    prospect_id: ProspectId
    cadence_id: int
    is_running: bool


async def record(tx: Connection, reactions: Sequence[Reaction]) -> None:
    """Note them; what is noted stays."""
    if reactions:
        await tx.execute(
            """insert into reaction (event_id, enrollment_id, what, reason)
            select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
            on conflict do nothing""",
            [r.event_id for r in reactions],
            [r.enrollment_id for r in reactions],
            [r.what for r in reactions],
            [r.reason for r in reactions],
        )


async def about(db: Connection, subject: str) -> Sequence[OfSubject]:
    """All enrollments about a subject, oldest first."""
    rows = await db.fetch(
        """select id as enrollment_id, prospect_id, cadence_id, status <> 'finished' as is_running
        from enrollment where subject = $1 and subject <> '' order by id""",
        subject,
    )
    return [OfSubject(**row) for row in rows]


async def of_person(db: Connection, people: Sequence[ProspectId]) -> Sequence[OfSubject]:
    """The enrollments of people that are about nothing but themselves, oldest first."""
    rows = await db.fetch(
        """select id as enrollment_id, prospect_id, cadence_id, status <> 'finished' as is_running
        from enrollment where prospect_id = any($1::bigint[]) and subject = '' order by id""",
        people,
    )
    return [OfSubject(**row) for row in rows]


async def colleagues(db: Connection, ids: Sequence[EnrollmentId]) -> Sequence[EnrollmentId]:
    """What runs for other people of the companies that these enrollments' prospects belong to."""
    rows = await db.fetch(
        """select distinct other.id from enrollment e
        join prospect p on p.id = e.prospect_id
        join prospect q on q.company = p.company and q.id <> p.id
        join enrollment other on other.prospect_id = q.id and other.status <> 'finished'
        where e.id = any($1::bigint[])""",
        ids,
    )
    return [row["id"] for row in rows]


async def set_about(tx: Connection, about: Mapping[EnrollmentId, Mapping[str, Any]]) -> None:
    """New fields of the subject, of enrollments that are held."""
    if about:
        await tx.execute(
            """update enrollment set subject_fields = f
            from unnest($1::bigint[], $2::text[]::jsonb[]) as t (id, f)
            where enrollment.id = t.id""",
            list(about),
            [json.dumps(dict(fields)) for fields in about.values()],
        )


async def earlier_waiting(db: Connection, signals: Sequence[tuple[int, str]]) -> set[int]:
    """Which of these signals (event, matter) must wait: an earlier one is not applied yet.

    Whoever applies that one has removed it from the inbox only when they commit.
    """
    rows = await db.fetch(
        """select later.id from unnest($1::bigint[], $2::text[]) as later (id, matter)
        where exists (
            select 1 from inbox i join event e on e.id = i.event_id
            where e.type = 'signal' and e.data->>'matter' = later.matter and e.id < later.id)""",
        [event_id for event_id, _ in signals],
        [matter for _, matter in signals],
    )
    return {row["id"] for row in rows}
