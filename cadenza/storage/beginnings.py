"""What is asked before somebody begins a cadence, and the locks that make the answers hold.

The order of locks, after those of enrollments: cadences by id, identities,
people by key. Whoever enrolls takes them, so that two workers can neither
give away one place twice nor take one person for two.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cadenza.enrolling.identities import Known
from cadenza.model import EnrollmentId, ProspectId, VersionId
from cadenza.storage.database import Connection

_IDENTITY_LOCKS = 7239482
_STRIPES = 1024


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """A running enrollment in another cadence."""

    enrollment_id: EnrollmentId
    prospect_id: ProspectId
    cadence: str
    version_id: VersionId


async def lock_cadences(tx: Connection, cadence_ids: Iterable[int]) -> None:
    """Let nobody else begin these cadences until the transaction ends."""
    await tx.execute(
        "select 1 from cadence where id = any($1::bigint[]) order by id for no key update",
        sorted(set(cadence_ids)),
    )


async def lock_identities(tx: Connection, values: Iterable[str]) -> None:
    """Let nobody else store people with one of these keys and addresses meanwhile."""
    stripes = sorted({zlib.crc32(value.encode()) % _STRIPES for value in values})
    await tx.execute(
        "select pg_advisory_xact_lock($1, n) from unnest($2::int[]) as t (n)",
        _IDENTITY_LOCKS,
        stripes,
    )


async def lock_people(tx: Connection, ids: Sequence[ProspectId]) -> None:
    """Let nobody else enroll these people anywhere until the transaction ends."""
    await tx.execute(
        """select 1 from prospect where id = any($1::bigint[])
        order by key collate "C" for no key update""",  # as Python sorts, and `prospects.upsert`
        ids,
    )


async def known_people(
    tx: Connection, *, keys: Sequence[str], emails: Sequence[str], phones: Sequence[str]
) -> Sequence[Known]:
    """Everybody who has one of these keys (or aliases), addresses or numbers; oldest first."""
    rows = await tx.fetch(
        """select p.id, p.key, p.email, p.phone,
            array(select a.key from prospect_alias a where a.prospect_id = p.id) as aliases
        from prospect p where p.id in (
            select id from prospect where key = any($1::text[])
            union select prospect_id from prospect_alias where key = any($1::text[])
            union select id from prospect where email = any($2::text[])
            union select id from prospect where phone = any($3::text[]))
        order by p.id""",
        keys,
        emails,
        phones,
    )
    return [
        Known(
            key=row["key"],
            email=row["email"],
            phone=row["phone"],
            ids={k.partition(":")[2] for k in (row["key"], *row["aliases"]) if k[:3] == "id:"},
            prospect_id=row["id"],
        )
        for row in rows
    ]


async def add_aliases(tx: Connection, aliases: Mapping[str, ProspectId]) -> None:
    """Remember further ids of people. What names somebody already is left as it is."""
    if aliases:
        ordered = sorted(aliases.items())
        await tx.execute(
            """insert into prospect_alias (key, prospect_id)
            select k, p from unnest($1::text[], $2::bigint[]) as t (k, p)
            where not exists (select 1 from prospect where prospect.key = k)
            on conflict (key) do nothing""",
            [key for key, _ in ordered],
            [prospect_id for _, prospect_id in ordered],
        )


async def running(
    tx: Connection, cadence_id: int, people: Sequence[ProspectId]
) -> set[tuple[ProspectId, str]]:
    """(person, subject) of what runs in this cadence."""
    rows = await tx.fetch(
        """select prospect_id, subject from enrollment
        where prospect_id = any($2::bigint[]) and cadence_id = $1 and status <> 'finished'""",
        cadence_id,
        people,
    )
    return {(row["prospect_id"], row["subject"]) for row in rows}


async def ended(
    tx: Connection, cadence_id: int, people: Sequence[ProspectId]
) -> Mapping[tuple[ProspectId, str], datetime]:
    """(person, subject) → when they last came to an end in this cadence."""
    rows = await tx.fetch(
        """select prospect_id, subject, max(changed_at) as at from enrollment
        where prospect_id = any($2::bigint[]) and cadence_id = $1 and status = 'finished'
        group by 1, 2""",
        cadence_id,
        people,
    )
    return {(row["prospect_id"], row["subject"]): row["at"] for row in rows}


async def elsewhere(
    tx: Connection, cadence_id: int, people: Sequence[ProspectId]
) -> Sequence[UnderWay]:
    """What runs for these people in other cadences."""
    rows = await tx.fetch(
        """select e.id as enrollment_id, e.prospect_id, c.name as cadence, e.version_id
        from enrollment e join cadence c on c.id = e.cadence_id
        where e.prospect_id = any($2::bigint[]) and e.cadence_id <> $1
          and e.status <> 'finished'
        order by e.id""",
        cadence_id,
        people,
    )
    return [UnderWay(**row) for row in rows]


async def touched(tx: Connection, people: Sequence[ProspectId]) -> Mapping[ProspectId, datetime]:
    """When these people were last touched, or may have been."""
    rows = await tx.fetch(
        """select prospect_id, max(coalesce(began_at, recorded_at)) as at from touch
        where prospect_id = any($1::bigint[]) and channel <> 'webhook'
          and status in ('sent', 'unknown')
        group by 1""",
        people,
    )
    return {row["prospect_id"]: row["at"] for row in rows}


async def begun(tx: Connection, cadence_id: int, since: datetime, zone: str) -> Mapping[date, int]:
    """How many began, or will, on each day from `since` on. zone: in which days are counted."""
    rows = await tx.fetch(
        """select (started_at at time zone $3)::date as day, count(*) as n from enrollment
        where cadence_id = $1 and started_at >= $2 group by 1""",
        cadence_id,
        since,
        zone,
    )
    return {row["day"]: row["n"] for row in rows}


async def under_way(tx: Connection, cadence_id: int) -> int:
    """How many have not come to an end."""
    count: int = await tx.fetchval(
        "select count(*) from enrollment where cadence_id = $1 and status <> 'finished'", cadence_id
    )
    return count


async def told_by_colleagues(
    db: Connection, companies: Sequence[str], since: datetime, events: Sequence[str]
) -> Mapping[str, Mapping[str, Sequence[tuple[ProspectId, datetime]]]]:
    """company → event → who did it, and when they last did."""
    rows = await db.fetch(
        """with told as (
            select p.company, p.id, ev.occurred_at,
                -- A meeting that a rep books on the phone is a meeting.
                case when ev.data->>'disposition' = 'meeting_booked' then 'meeting_booked'
                    else ev.type end as type
            from prospect p join enrollment e on e.prospect_id = p.id
            join event ev on ev.enrollment_id = e.id
            where p.company = any($1::text[]) and ev.occurred_at > $2)
        select company, type, id, max(occurred_at) as at from told
        where type = any($3::text[]) group by 1, 2, 3""",
        companies,
        since,
        events,
    )
    told: dict[str, dict[str, list[tuple[ProspectId, datetime]]]] = {}
    for row in rows:
        told.setdefault(row["company"], {}).setdefault(row["type"], []).append(
            (row["id"], row["at"])
        )
    return told
