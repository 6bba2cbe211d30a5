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
class ChecklistItem:
    """One thing to tick off; the task is not done without the mandatory ones."""

    item: str
    mandatory: bool
    ticked: bool


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task as a rep sees it. role: the team that does it; None: the owner does."""

    task_id: TaskId
    enrollment_id: EnrollmentId
    cadence: str
    step: str
    visit: int
    kind: str
    owner_id: str
    role: str | None
    title: str
    script: str
    voicemail: str
    checklist: Sequence[ChecklistItem]
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
    role: str | None = None
    spec: TaskSpec
    opened_at: datetime


async def open_tasks(tx: Connection, new: Sequence[NewTask]) -> None:
    """Put tasks on their owners' lists."""
    for task in new:
        await tx.execute(
            """insert into task (enrollment_id, step, visit, kind, owner_id, title, script,
                checklist, dispositions, opened_at, due_at, role, voicemail, state)
            values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb, $10, $11, $12, $13,
                'open')""",
            task.enrollment_id,
            task.step,
            task.visit,
            task.spec.kind,
            task.owner_id,
            task.spec.title,
            task.spec.script,
            json.dumps(
                [
                    {"item": item, "mandatory": item in task.spec.mandatory}
                    for item in task.spec.checklist
                ]
            ),
            json.dumps(list(task.spec.dispositions)),
            task.opened_at,
            task.opened_at + task.spec.due_in,
            task.role,
            task.spec.voicemail,
        )


async def cancel(tx: Connection, enrollment_ids: Sequence[EnrollmentId], now: datetime) -> None:
    """Close whatever is still open for enrollments that ended, as `cancelled`."""
    if enrollment_ids:
        await tx.execute(
            """update task set state = 'cancelled', closed_at = $2
            where enrollment_id = any($1::bigint[]) and state = 'open'""",
            enrollment_ids,
            now,
        )


async def skip(
    tx: Connection, positions: Sequence[tuple[EnrollmentId, str]], now: datetime
) -> None:
    """Close what is still open at positions that were left, as `skipped`.

    positions: enrollments with the names of their positions, `call:1`.
    """
    if not positions:
        return
    parts = [name.rpartition(":") for _, name in positions]
    await tx.execute(
        """update task set state = 'skipped', closed_at = $4
        from unnest($1::bigint[], $2::text[], $3::int[]) as t (e, s, v)
        where enrollment_id = t.e and step = t.s and visit = t.v and task.state = 'open'""",
        [enrollment_id for enrollment_id, _ in positions],
        [step for step, _, _ in parts],
        [int(visit) for _, _, visit in parts],
        now,
    )


async def done(
    tx: Connection,
    task_id: TaskId,
    disposition: str,
    note: str,
    now: datetime,
    *,
    ticked: Sequence[int] = (),
) -> Task | None:
    """Close an open task with what came of it; None if it is not open any more.

    ticked: numbers of items of its checklist, from 1. Raises UnknownName if
    there is no such task or it knows no such disposition.
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
        """update task set state = 'done', disposition = $2, note = $3, closed_at = $4,
            ticked = $5::jsonb
        where id = $1""",
        task_id,
        disposition,
        note,
        now,
        json.dumps(sorted(set(ticked))),
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
    roles: Sequence[str] = (),
    due_by: datetime | None = None,
    after: int = 0,
    most: int = 100,
) -> Sequence[Task]:
    """Tasks in order of their numbers, from `after` on.

    owner_id, roles: only what this owner does, or one of these teams.
    """
    # As a constant, so that the index of open tasks serves whoever polls them.
    in_state = f"and t.state = '{state}'" if state is not None else ""
    rows = await db.fetch(
        f"""{_SELECT} where t.id > $1 {in_state}
            and (($2::text is null and cardinality($5::text[]) = 0)
                or (t.owner_id = $2 and t.role is null) or t.role = any($5::text[]))
            and ($3::timestamptz is null or t.due_at <= $3)
        order by t.id limit $4""",
        after,
        owner_id,
        due_by,
        most,
        list(roles),
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
        visit=row["visit"],
        kind=row["kind"],
        owner_id=row["owner_id"],
        role=row["role"],
        title=row["title"],
        script=row["script"],
        voicemail=row["voicemail"],
        checklist=[
            ChecklistItem(item=item["item"], mandatory=item["mandatory"], ticked=n in row["ticked"])
            for n, item in enumerate(row["checklist"], start=1)
        ],
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
