"""`/api/tasks`: what people have to do, and what came of it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from cadenza.model import TaskId
from cadenza.storage import tasks
from cadenza.storage.tasks import Task
from cadenza.tasking import complete_task
from console.api.values import After, Body, Moment, Number, Plain, answer, text
from console.processes.common import Parts
from events.recording import Hints

log = structlog.get_logger(__name__)

State = Literal["open", "done", "skipped", "cancelled", "all"]
Owner = Annotated[Plain | None, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500)]


class Done(Body):
    """What came of a task."""

    disposition: Annotated[Plain, text(50)]
    note: Annotated[Plain, Field(max_length=4_000)] = ""


def routes(parts: Parts, hints: Hints | None) -> APIRouter:
    """The endpoints. hints: awaited after a task was done, so that workers look at once."""
    router = APIRouter(prefix="/tasks", tags=["tasks"])

    @router.get("")
    async def list_tasks(
        state: State = "open",
        owner: Owner = None,
        due_by: Moment = None,
        limit: Limit = 100,
        after: After = 0,
    ) -> Response:
        """Tasks in order of their numbers, a page at a time."""
        async with parts.database.connection() as db:
            found = await tasks.listed(
                db,
                state=None if state == "all" else state,
                owner_id=owner,
                due_by=due_by,
                after=after,
                most=limit + 1,
            )
        page = found[:limit]
        following = page[-1].task_id if len(found) > limit else None
        return answer({"tasks": [_told(task) for task in page], "next": following})

    @router.get("/{number}")
    async def show_task(number: Number) -> Response:
        """One task."""
        async with parts.database.connection() as db:
            return answer(_told(await tasks.find(db, TaskId(number))))

    @router.post("/{number}/done")
    async def finish_task(number: Number, done: Done) -> Response:
        """Close a task. The same again is answered like the first time."""
        async with parts.database.transaction() as tx:
            task = await complete_task(
                tx, TaskId(number), done.disposition, done.note, clock=parts.clock
            )
        if hints is not None:
            await _hint(hints)
        return answer(_told(task))

    return router


async def _hint(hints: Hints) -> None:
    try:
        await hints()
    except Exception as error:  # noqa: BLE001 - a hint may be lost: workers sweep
        log.warning("hint_not_sent", error=type(error).__name__)


def _told(task: Task) -> Mapping[str, Any]:
    return {
        "id": task.task_id,
        "kind": task.kind,
        "title": task.title,
        "state": task.state,
        "opened_at": task.opened_at,
        "due_at": task.due_at,
        "closed_at": task.closed_at,
        "owner": task.owner_id,
        "cadence": task.cadence,
        "step": task.step,
        "enrollment": task.enrollment_id,
        "dispositions": task.dispositions,
        "checklist": task.checklist,
        "script": task.script,
        "disposition": task.disposition,
        "note": task.note,
        "prospect": task.prospect,
    }
