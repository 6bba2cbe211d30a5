"""Everything that is known of one enrollment, for `explain`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import EnrollmentId, ProspectId, TaskId, TouchId
from cadenza.storage.database import Connection
from cadenza.storage.due import DueTouch


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The enrollment's own row, with the names of its cadence."""

    enrollment_id: EnrollmentId
    prospect_id: ProspectId
    cadence: str
    version: int
    subject: str
    status: str
    outcome: str | None
    reason: str | None
    started_at: datetime
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class LedgerTouch:
    """A touch as the ledger has it."""

    touch_id: TouchId
    step: str
    visit: int
    channel: str
    account: str
    recipient: str
    status: str
    code: str | None
    provider_id: str | None
    planned_at: datetime
    due_at: datetime
    began_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A batch that has a touch of the enrollment. state: staged, released or claimed."""

    batch_id: int
    state: str
    release_at: datetime
    worker: str | None
    touch: DueTouch


@dataclass(frozen=True, kw_only=True)
class TaskLine:
    """A task of the enrollment."""

    task_id: TaskId
    step: str
    kind: str
    title: str
    owner: str
    state: str
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None
    disposition: str | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One line of the list that a person's enrollments make."""

    enrollment_id: EnrollmentId
    prospect: str
    cadence: str
    subject: str
    status: str
    outcome: str | None
    step: str
    started_at: datetime


async def overview(db: Connection, enrollment_id: EnrollmentId) -> Overview | None:
    """The enrollment; None if there is none with this number."""
    row = await db.fetchrow(
        """select e.id as enrollment_id, e.prospect_id, c.name as cadence, v.version, e.subject,
            e.status, e.outcome, e.reason, e.started_at, e.changed_at
        from enrollment e join cadence c on c.id = e.cadence_id
        join cadence_version v on v.id = e.version_id where e.id = $1""",
        enrollment_id,
    )
    return Overview(**row) if row else None


async def touches(db: Connection, enrollment_id: EnrollmentId) -> Sequence[LedgerTouch]:
    """Its touches in the ledger, in the order in which they began."""
    rows = await db.fetch(
        """select id as touch_id, step, visit, channel, account, recipient, status, code,
            provider_id, planned_at, due_at, began_at
        from touch where enrollment_id = $1 order by coalesce(began_at, recorded_at), id""",
        enrollment_id,
    )
    return [LedgerTouch(**row) for row in rows]


async def planned(db: Connection, enrollment_id: EnrollmentId) -> Sequence[DueTouch]:
    """What it has in the queue, one row for each of its positions that has a time."""
    rows = await db.fetch(
        "select to_jsonb(due) as planned from due where enrollment_id = $1 order by due_at, step",
        enrollment_id,
    )
    return [DueTouch.from_json(row["planned"]) for row in rows]


async def holding(db: Connection, enrollment_id: EnrollmentId) -> Holding | None:
    """The batch that has one of its touches."""
    row = await db.fetchrow(
        """select b.id as batch_id, b.state, b.release_at, b.worker, t.touch
        from batch b, jsonb_array_elements(b.touches) as t (touch)
        where (t.touch->>'enrollment_id')::bigint = $1 order by b.id limit 1""",
        enrollment_id,
    )
    if row is None:
        return None
    return Holding(**{**row, "touch": DueTouch.from_json(row["touch"])})


async def tasks(db: Connection, enrollment_id: EnrollmentId) -> Sequence[TaskLine]:
    """Its tasks, oldest first."""
    rows = await db.fetch(
        """select id as task_id, step, kind, title, owner_id as owner, state, opened_at, due_at,
            closed_at, disposition
        from task where enrollment_id = $1 order by id""",
        enrollment_id,
    )
    return [TaskLine(**row) for row in rows]


async def of_prospects(
    db: Connection, ids: Sequence[ProspectId], most: int = 100
) -> Sequence[Summary]:
    """All enrollments of these prospects, newest first."""
    rows = await db.fetch(
        """select e.id as enrollment_id, p.key as prospect, c.name as cadence, e.subject, e.status,
            e.outcome, e.step, e.started_at
        from enrollment e join cadence c on c.id = e.cadence_id
        join prospect p on p.id = e.prospect_id
        where e.prospect_id = any($1::bigint[]) order by e.id desc limit $2""",
        ids,
        most,
    )
    return [Summary(**row) for row in rows]
