"""The ledger, the tasks and the enrollments, row by row, to compare one run with another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class ToldTouch:
    """A touch of the ledger. prospect: its key. planned_at: when it was first to go."""

    prospect: str
    subject: str
    cadence: str
    step: str
    visit: int
    channel: str
    account: str
    planned_at: datetime
    due_at: datetime
    began_at: datetime | None
    status: str


@dataclass(frozen=True, kw_only=True)
class ToldTask:
    """A task, with what came of it."""

    prospect: str
    subject: str
    cadence: str
    step: str
    visit: int
    opened_at: datetime
    disposition: str | None


@dataclass(frozen=True, kw_only=True)
class ToldEnrollment:
    """An enrollment as it stands. waits_for: what it is planned for or has open, by step.

    moved_from: the cadence that moved its prospect here with this subject.
    """

    prospect: str
    subject: str
    cadence: str
    status: str
    outcome: str | None
    reason: str | None
    step: str
    crm_status: str | None
    waits_for: Sequence[str]
    moved_from: str | None


async def enrollments(db: Connection) -> Sequence[ToldEnrollment]:
    """All enrollments, in the order in which they came."""
    rows = await db.fetch(
        """select p.key as prospect, e.subject, c.name as cadence, e.status, e.outcome, e.reason,
            e.step, e.course->>'crm_status' as crm_status,
            array(select d.channel || ' ' || d.step from due d where d.enrollment_id = e.id
                union select 'task ' || t.step from task t
                    where t.enrollment_id = e.id and t.state = 'open' order by 1) as waits_for,
            (select fc.name from enrollment f join cadence fc on fc.id = f.cadence_id
                where f.prospect_id = e.prospect_id and f.subject = e.subject
                    and f.outcome = 'moved' and f.id < e.id order by f.id desc limit 1)
                as moved_from
        from enrollment e join cadence c on c.id = e.cadence_id
        join prospect p on p.id = e.prospect_id order by e.id"""
    )
    return [ToldEnrollment(**row) for row in rows]


async def touches(db: Connection) -> Sequence[ToldTouch]:
    """All touches, in order of their times."""
    rows = await db.fetch(
        """select p.key as prospect, e.subject, c.name as cadence, t.step, t.visit, t.channel,
            t.account, t.planned_at, t.due_at, t.began_at, t.status
        from touch t join enrollment e on e.id = t.enrollment_id
        join cadence c on c.id = e.cadence_id join prospect p on p.id = e.prospect_id
        order by t.planned_at, t.id"""
    )
    return [ToldTouch(**row) for row in rows]


async def tasks(db: Connection) -> Sequence[ToldTask]:
    """All tasks, in order of their times."""
    rows = await db.fetch(
        """select p.key as prospect, e.subject, c.name as cadence, t.step, t.visit, t.opened_at,
            t.disposition
        from task t join enrollment e on e.id = t.enrollment_id
        join cadence c on c.id = e.cadence_id join prospect p on p.id = e.prospect_id
        order by t.opened_at, t.id"""
    )
    return [ToldTask(**row) for row in rows]
