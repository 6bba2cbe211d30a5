"""How everything stands at one moment: what `cadenza status` shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class EnrollmentCount:
    """How many enrollments of a cadence are in one state. outcome: of finished ones."""

    cadence: str
    status: str
    outcome: str | None
    count: int


@dataclass(frozen=True, kw_only=True)
class PlannedCount:
    """What is planned on one channel. next_due: the earliest of them."""

    channel: str
    count: int
    next_due: datetime


@dataclass(frozen=True, kw_only=True)
class OverdueCount:
    """What should have gone by now and waits, by reason.

    reason: None if it is merely next in the queue. oldest: when the
    longest waiting was first to go. next_due: when the next of them goes.
    """

    channel: str
    reason: str | None
    count: int
    oldest: datetime
    next_due: datetime


@dataclass(frozen=True, kw_only=True)
class BatchCount:
    """Batches in one state. oldest: the first `release_at` of them."""

    channel: str
    state: str
    count: int
    touches: int
    oldest: datetime


@dataclass(frozen=True, kw_only=True)
class TaskCount:
    """Open tasks of one owner. overdue: of these, past their time."""

    owner: str
    open: int
    overdue: int


@dataclass(frozen=True, kw_only=True)
class PauseCount:
    """Why enrollments are paused."""

    cadence: str
    reason: str | None
    count: int


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits to be worked off. events_oldest: when the first of them was recorded.

    notifications_failed: owners that could not be told. unknown_touches:
    may have arrived, and nothing has shown it yet.
    """

    events: int
    events_oldest: datetime | None
    notifications: int
    notifications_failed: int
    unknown_touches: int


async def enrollment_counts(db: Connection, cadence: str | None) -> Sequence[EnrollmentCount]:
    """By cadence, status and outcome. cadence: only this one."""
    rows = await db.fetch(
        """select c.name as cadence, e.status, e.outcome, count(*) as count
        from enrollment e join cadence c on c.id = e.cadence_id
        where $1::text is null or c.name = $1
        group by 1, 2, 3 order by 1, 2, 3""",
        cadence,
    )
    return [EnrollmentCount(**row) for row in rows]


async def pause_counts(db: Connection, cadence: str | None) -> Sequence[PauseCount]:
    """Why enrollments are paused, most frequent first."""
    rows = await db.fetch(
        """select c.name as cadence, e.reason, count(*) as count
        from enrollment e join cadence c on c.id = e.cadence_id
        where e.status = 'paused' and ($1::text is null or c.name = $1)
        group by 1, 2 order by 3 desc, 1, 2 limit 50""",
        cadence,
    )
    return [PauseCount(**row) for row in rows]


async def planned_counts(
    db: Connection, now: datetime, cadence: str | None
) -> Sequence[PlannedCount]:
    """What lies ahead, by channel."""
    rows = await db.fetch(
        f"""select d.channel, count(*) as count, min(d.due_at) as next_due
        from due d {_OF_CADENCE} and d.planned_at > $1
        group by 1 order by 1""",
        now,
        cadence,
    )
    return [PlannedCount(**row) for row in rows]


async def overdue_counts(
    db: Connection, now: datetime, cadence: str | None
) -> Sequence[OverdueCount]:
    """What was to go by now and has not gone, by channel and reason."""
    rows = await db.fetch(
        f"""select d.channel, d.reason, count(*) as count, min(d.planned_at) as oldest,
            min(d.due_at) as next_due
        from due d {_OF_CADENCE} and d.planned_at <= $1
        group by 1, 2 order by 3 desc, 1, 2""",
        now,
        cadence,
    )
    return [OverdueCount(**row) for row in rows]


async def batch_counts(db: Connection) -> Sequence[BatchCount]:
    """Batches by channel and state."""
    rows = await db.fetch(
        """select channel, state, count(*) as count, sum(size)::bigint as touches,
            min(release_at) as oldest
        from batch group by 1, 2 order by 1, 2"""
    )
    return [BatchCount(**row) for row in rows]


async def task_counts(db: Connection, now: datetime, cadence: str | None) -> Sequence[TaskCount]:
    """Open tasks by owner."""
    rows = await db.fetch(
        """select t.owner_id as owner, count(*) as open,
            count(*) filter (where t.due_at <= $1) as overdue
        from task t where t.state = 'open' and ($2::text is null or exists (
            select 1 from enrollment e join cadence c on c.id = e.cadence_id
            where e.id = t.enrollment_id and c.name = $2))
        group by 1 order by 1""",
        now,
        cadence,
    )
    return [TaskCount(**row) for row in rows]


async def backlog(db: Connection) -> Backlog:
    """Events, notifications and unknown touches of the whole deployment."""
    row = await db.fetchrow(
        """select
            (select count(*) from inbox) as events,
            (select min(e.recorded_at) from inbox i join event e on e.id = i.event_id)
                as events_oldest,
            (select count(*) from notification where sent_at is null and failure is null)
                as notifications,
            (select count(*) from notification where failure is not null) as notifications_failed,
            (select count(*) from touch where status = 'unknown') as unknown_touches"""
    )
    if row is None:
        raise RuntimeError("a select without a table gave no row")
    return Backlog(**row)


_OF_CADENCE = """where ($2::text is null or exists (
    select 1 from enrollment e join cadence c on c.id = e.cadence_id
    where e.id = d.enrollment_id and c.name = $2))"""
