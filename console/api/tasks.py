"""`/api/tasks`: what people have to do, and what came of it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from cadenza.by_hand.tasking import complete_task
from cadenza.model import TaskId
from cadenza.steps.task import MOST_ITEMS
from cadenza.storage import tasks
from cadenza.storage.tasks import Task
from console.api.values import After, Body, Moment, Number, Plain, answer, give_hint, text
from console.processes.common import Parts
from events.recording import Hints

State = Literal["open", "done", "skipped", "cancelled", "all"]
Owner = Annotated[Plain | None, Query(max_length=100)]
Item = Annotated[int, Field(ge=1, le=MOST_ITEMS)]
Limit = Annotated[int, Query(ge=1, le=500)]


class Done(Body):
    """What came of a task. ticked: numbers of items of its checklist; tick_all: all of them."""

    disposition: Annotated[Plain, text(50)]
    note: Annotated[Plain, Field(max_length=4_000)] = ""
    ticked: Annotated[tuple[Item, ...], Field(max_length=MOST_ITEMS)] = ()
    tick_all: bool = False


def routes(parts: Parts, hints: Hints | None) -> APIRouter:
    """The endpoints. hints: awaited after a task was done, so that workers look at once."""
    router = APIRouter(prefix="/tasks", tags=["tasks"])

    @router.get("")
    async def list_tasks(  # noqa: PLR0917 - parameters of the query
        state: State = "open",
        owner: Owner = None,
        role: Owner = None,
        due_by: Moment = None,
        limit: Limit = 100,
        after: After = 0,
    ) -> Response:
        """Tasks in order of their numbers, a page at a time; of an owner with those of teams."""
        async with parts.database.connection() as db:
            found = await tasks.listed(
                db,
                state=None if state == "all" else state,
                owner_id=owner,
                roles=[role] if role is not None else parts.accounts.roles_of(owner),
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
                tx,
                TaskId(number),
                done.disposition,
                done.note,
                ticked=None if done.tick_all else done.ticked,
                clock=parts.clock,
            )
        await give_hint(hints)
        return answer(_told(task))

    return router


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
        "role": task.role,
        "cadence": task.cadence,
        "step": task.step,
        "enrollment": task.enrollment_id,
        "dispositions": task.dispositions,
        "checklist": [asdict(item) for item in task.checklist],
        "script": task.script,
        "voicemail": task.voicemail,
        "disposition": task.disposition,
        "note": task.note,
        "prospect": task.prospect,
    }
