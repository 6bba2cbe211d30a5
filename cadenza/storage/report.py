"""What a run came to: figures per step, and what must agree with an outside witness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import EventType
from cadenza.storage.database import Connection

FUNNEL = (
    EventType.DELIVERED,
    EventType.OPENED,
    EventType.CLICKED,
    EventType.CONNECTION_ACCEPTED,
    EventType.REPLIED,
    EventType.BOUNCED,
    EventType.UNSUBSCRIBED,
    EventType.MEETING_BOOKED,
)


@dataclass(frozen=True, kw_only=True)
class StepFigures:
    """One step of one cadence. events: touches with at least one event of that type."""

    cadence: str
    step: str
    channel: str
    sent: int
    unknown: int
    failed: int
    events: Mapping[EventType, int]


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The whole deployment. stuck: active enrollments that wait for nothing.

    accounts_used: from which touches left. time_zones: of the people they went to.
    """

    prospects: int
    rejected_rows: int
    sent_by_channel: Mapping[str, int]
    tasks: int
    events: Mapping[str, int]
    unknown: int
    reconciled: int
    stuck: int
    overdue_without_reason: int
    accounts_used: int
    time_zones: int
    deferred_by_reason: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What changes from moment to moment. mean_lag_minutes: of the touches of the last day."""

    sent_by_channel: Mapping[str, int]
    events: Mapping[str, int]
    planned: int
    open_tasks: int
    mean_lag_minutes: float


async def progress(db: Connection, now: datetime) -> Progress:
    """Out of the rollups, so that it costs the same however much has happened."""
    row = await db.fetchrow(
        """select (select count(*) from due) as planned,
            (select count(*) from task where state = 'open') as open_tasks,
            (select coalesce(avg(extract(epoch from began_at - due_at)) / 60, 0)::float8 from touch
                where began_at > $1::timestamptz - interval '1 day') as mean_lag_minutes""",
        now,
    )
    if row is None:
        raise RuntimeError("a select without a table gave no row")
    return Progress(
        **row,
        sent_by_channel=await _counts(
            db,
            """select channel, sum(value)::bigint from rollup
            where metric = 'sent' group by 1 order by 1""",
        ),
        events=await _counts(
            db,
            """select substr(metric, 7), sum(value)::bigint from rollup
            where metric like 'event:%' group by 1 order by 1""",
        ),
    )


async def by_step(db: Connection) -> Sequence[StepFigures]:
    """Figures of every step that did something, in the order in which they first did."""
    rows = await db.fetch(
        """with first_events as (
            select distinct touch_id, type from event where touch_id is not null),
        touches as (
            select cadence_id, step, channel, min(id) as first,
                count(*) filter (where status = 'sent') as sent,
                count(*) filter (where status = 'unknown') as unknown,
                count(*) filter (where status = 'failed') as failed
            from touch group by 1, 2, 3),
        counted as (
            select t.cadence_id, t.step, e.type, count(*) as n
            from first_events e join touch t on t.id = e.touch_id group by 1, 2, 3),
        tasks as (
            select en.cadence_id, task.step, 'task' as channel, min(task.id) as first,
                count(*) as sent, 0 as unknown, 0 as failed,
                count(*) filter (where disposition = 'meeting_booked') as meetings
            from task join enrollment en on en.id = task.enrollment_id group by 1, 2)
        select c.name, t.step, t.channel, t.first, t.sent, t.unknown, t.failed,
            coalesce((select jsonb_object_agg(type, n) from counted
                where counted.cadence_id = t.cadence_id and counted.step = t.step), '{}') as events
        from touches t join cadence c on c.id = t.cadence_id
        union all
        select c.name, t.step, t.channel, t.first, t.sent, t.unknown, t.failed,
            jsonb_build_object('meeting_booked', t.meetings)
        from tasks t join cadence c on c.id = t.cadence_id
        order by name, first"""
    )
    return [
        StepFigures(
            cadence=row["name"],
            step=row["step"],
            channel=row["channel"],
            sent=row["sent"],
            unknown=row["unknown"],
            failed=row["failed"],
            events={EventType(t): n for t, n in row["events"].items()},
        )
        for row in rows
    ]


async def totals(db: Connection, now: datetime) -> Totals:
    """Totals at `now`."""
    row = await db.fetchrow(
        """select
            (select count(*) from enrollment) as prospects,
            (select coalesce(sum(rows_rejected), 0) from receipt)::bigint as rejected_rows,
            (select count(*) from task) as tasks,
            (select count(*) from touch where status = 'unknown') as unknown,
            (select count(*) from touch where reconciled_by is not null) as reconciled,
            (select count(*) from enrollment e where status = 'active'
                and not exists (select 1 from due where enrollment_id = e.id)
                and not exists (select 1 from task t
                                where t.enrollment_id = e.id and t.state = 'open')
                and not exists (select 1 from batch b, jsonb_array_elements(b.touches) as t
                                where (t->>'enrollment_id')::bigint = e.id)) as stuck,
            (select count(*) from due where due_at <= $1 and reason is null)
                as overdue_without_reason,
            (select count(distinct account) from touch) as accounts_used,
            (select count(distinct time_zone) from prospect
                where id in (select prospect_id from touch)) as time_zones""",
        now,
    )
    if row is None:
        raise RuntimeError("a select without a table gave no row")
    return Totals(
        **row,
        sent_by_channel=await _counts(
            db, "select channel, count(*) from touch where status = 'sent' group by 1 order by 1"
        ),
        events=await _counts(db, "select type, count(*) from event group by 1 order by 1"),
        deferred_by_reason=await _counts(
            db,
            """select substr(metric, 10), sum(value)::bigint from rollup
            where metric like 'deferred:%' group by 1 order by 1""",
        ),
    )


async def witnessed_claims(
    db: Connection,
) -> Sequence[tuple[int, str, str, str, str | None]]:
    """What we say that others received: (touch, channel, recipient, status, provider's name)."""
    rows = await db.fetch(
        """select id, channel, recipient, status, provider_id from touch
        where status in ('sent', 'unknown') order by id"""
    )
    return [(r["id"], r["channel"], r["recipient"], r["status"], r["provider_id"]) for r in rows]


async def _counts(db: Connection, query: str) -> Mapping[str, int]:
    rows = [tuple(row.values()) for row in await db.fetch(query)]
    return dict(rows)
