"""Tasks for people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cadenza.errors import UnknownName
from cadenza.model import EnrollmentId, TaskId, TaskSpec
from cadenza.storage.database import Connection, Row

TaskState = Literal["open", "done", "skipped", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task as a rep sees it."""

    task_id: TaskId
    enrollment_id: EnrollmentId
    cadence: str
    step: str
    kind: str
    owner_id: str
    title: str
    script: str
    checklist: Sequence[str]
    dispositions: Sequence[str]
    opened_at: datetime
    due_at: datetime
    state: str
    disposition: str | None
    note: str | None
    closed_at: datetime | None
    prospect: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """What `open_tasks` needs to know."""

    enrollment_id: EnrollmentId
    step: str
    visit: int
    owner_id: str
    spec: TaskSpec
    opened_at: datetime


async def open_tasks(tx: Connection, new: Sequence[NewTask]) -> None:
    """Put tasks on their owners' lists."""
    for task in new:
        await tx.execute(
            """insert into task (enrollment_id, step, visit, kind, owner_id, title, script,
                checklist, dispositions, opened_at, due_at, state)
            values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb, $10, $11, 'open')""",
            task.enrollment_id,
            task.step,
            task.visit,
            task.spec.kind,
            task.owner_id,
            task.spec.title,
            task.spec.script,
            json.dumps(list(task.spec.checklist)),
            json.dumps(list(task.spec.dispositions)),
            task.opened_at,
            task.opened_at + task.spec.due_in,
        )


async def close_for(
    tx: Connection, enrollment_ids: Sequence[EnrollmentId], state: str, now: datetime
) -> None:
    """Close what is still open for enrollments that moved on (`skipped`) or ended (`cancelled`)."""
    if enrollment_ids:
        await tx.execute(
            """update task set state = $2, closed_at = $3
            where enrollment_id = any($1::bigint[]) and state = 'open'""",
            enrollment_ids,
            state,
            now,
        )


async def done(
    tx: Connection, task_id: TaskId, disposition: str, note: str, now: datetime
) -> Task | None:
    """Close an open task with what came of it; None if it is not open any more.

    Raises UnknownName if there is no such task or it knows no such disposition.
    """
    row = await tx.fetchrow(f"{_SELECT} where t.id = $1 for update of t", task_id)
    if row is None:
        raise UnknownName(f"there is no task {task_id}")
    task = _task(row)
    if disposition not in task.dispositions:
        raise UnknownName(
            f"task {task_id} knows no disposition {disposition!r}; "
            f"choose one of: {', '.join(task.dispositions)}"
        )
    if task.state != "open":
        return None
    await tx.execute(
        """update task set state = 'done', disposition = $2, note = $3, closed_at = $4
        where id = $1""",
        task_id,
        disposition,
        note,
        now,
    )
    return task


async def find(db: Connection, task_id: TaskId) -> Task:
    """The task as it stands. Raises UnknownName."""
    row = await db.fetchrow(f"{_SELECT} where t.id = $1", task_id)
    if row is None:
        raise UnknownName(f"there is no task {task_id}")
    return _task(row)


async def listed(
    db: Connection,
    *,
    state: TaskState | None = "open",
    owner_id: str | None = None,
    due_by: datetime | None = None,
    after: int = 0,
    most: int = 100,
) -> Sequence[Task]:
    """Tasks in order of their numbers, from `after` on."""
    # As a constant, so that the index of open tasks serves whoever polls them.
    in_state = f"and t.state = '{state}'" if state is not None else ""
    rows = await db.fetch(
        f"""{_SELECT} where t.id > $1 {in_state}
            and ($2::text is null or t.owner_id = $2)
            and ($3::timestamptz is null or t.due_at <= $3)
        order by t.id limit $4""",
        after,
        owner_id,
        due_by,
        most,
    )
    return [_task(row) for row in rows]


_SELECT = """select t.*, c.name as cadence, p.key, p.phone, p.email, p.company,
        p.time_zone, p.fields
    from task t join enrollment e on e.id = t.enrollment_id
    join cadence c on c.id = e.cadence_id
    join prospect p on p.id = e.prospect_id"""


def _task(row: Row) -> Task:
    fields = row["fields"]
    return Task(
        task_id=row["id"],
        enrollment_id=row["enrollment_id"],
        cadence=row["cadence"],
        step=row["step"],
        kind=row["kind"],
        owner_id=row["owner_id"],
        title=row["title"],
        script=row["script"],
        checklist=row["checklist"],
        dispositions=row["dispositions"],
        opened_at=row["opened_at"],
        due_at=row["due_at"],
        state=row["state"],
        disposition=row["disposition"],
        note=row["note"],
        closed_at=row["closed_at"],
        prospect={
            "key": row["key"],
            "first_name": fields.get("first_name"),
            "last_name": fields.get("last_name"),
            "company": fields.get("company") or row["company"],
            "phone": row["phone"],
            "email": row["email"],
            "time_zone": row["time_zone"],
        },
    )
