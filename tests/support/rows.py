"""Rows that tests about storage start from, without a cadence behind them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cadenza.model import Channel, EnrollmentId
from cadenza.storage.database import Connection

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def enrollments(
    tx: Connection, count: int, *, company: str = "acme"
) -> Sequence[EnrollmentId]:
    """`count` active enrollments at step `hello`, visit 1, of prospects p1@example.com …"""
    cadence = await tx.fetchval(
        """insert into cadence (name) values ('c') on conflict (name)
        do update set name = excluded.name returning id"""
    )
    version = await tx.fetchval(
        """insert into cadence_version (cadence_id, version, digest, sources, applied_at)
        values ($1, 1 + (select count(*) from cadence_version), 'd', '[]', $2) returning id""",
        cadence,
        NOON,
    )
    rows = await tx.fetch(
        """with people as (
            insert into prospect
                (key, email, company, owner_id, shard, time_zone, fields, created_at)
            select 'p' || n, 'p' || n || '@example.com', $2, 'anna', n % 256, 'Europe/Paris',
                '{}', $3
            from generate_series(1, $1::int) as n returning id, shard)
        insert into enrollment (prospect_id, cadence_id, version_id, shard, status, step, visit,
            standing, course, started_at, changed_at)
        select id, $4, $5, shard, 'active', 'hello', 1, '{hello:1}', '{}', $3, $3 from people
        order by id returning id""",
        count,
        company,
        NOON,
        cadence,
        version,
    )
    return [row["id"] for row in rows]


async def plan(
    tx: Connection,
    ids: Sequence[EnrollmentId],
    *,
    due_at: datetime = NOON,
    every: timedelta = timedelta(),
    channel: Channel = Channel.EMAIL,
) -> None:
    """A due row for each, the n-th `n * every` after `due_at`."""
    for n, enrollment_id in enumerate(ids):
        await tx.execute(
            """insert into due (enrollment_id, step, visit, channel, shard, account, due_at,
                planned_at, window_end)
            values ($1, 'hello', 1, $2, $4, 'mail-1', $3, $3,
                $3::timestamptz + interval '4 hours')""",
            enrollment_id,
            channel,
            due_at + n * every,
            n % 256,
        )
