"""Tasks done: closed on their owner's list, and told to their enrollment as an event."""

from collections.abc import Mapping, Sequence
from typing import Any

from cadenza.clock import Clock
from cadenza.errors import CadenzaError
from cadenza.model import Event, EventType, TaskId
from cadenza.storage import events, tasks
from cadenza.storage.database import Connection
from cadenza.storage.tasks import Task

SOURCE = "task"


class WrongDisposition(CadenzaError):
    """The task cannot end like that."""

    def __init__(self, task: Task, disposition: str) -> None:
        super().__init__(
            f"task {task.task_id} knows no disposition {disposition[:50]!r}; "
            f"choose one of: {', '.join(task.dispositions)}"
        )


class ItemsMissing(CadenzaError):
    """Not everything that is mandatory on the checklist was ticked. missing: (number, item)."""

    def __init__(self, task: Task, missing: Sequence[tuple[int, str]]) -> None:
        told = "; ".join(f"{number}: {item}" for number, item in missing)
        super().__init__(f"task {task.task_id} is not done without all of its checklist: {told}")
        self.missing = tuple(missing)

    @property
    def details(self) -> Mapping[str, Any]:
        """The same for programs."""
        return {"missing": [number for number, _ in self.missing]}


class TaskClosed(CadenzaError):
    """The task is not open any more. task: as it stands."""

    def __init__(self, task: Task) -> None:
        super().__init__(_told(task))
        self.task = task


async def complete_task(
    tx: Connection,
    task_id: TaskId,
    disposition: str,
    note: str,
    *,
    ticked: Sequence[int] | None = (),
    clock: Clock,
) -> Task:
    """Close a task with what came of it; its enrollment hears of it as soon as workers apply it.

    The same task with the same disposition again changes nothing, so a
    caller may repeat a request whose answer was lost. ticked: numbers of
    items of its checklist, from 1; None: all of them. Raises UnknownName,
    WrongDisposition, ItemsMissing, and TaskClosed for a task that was
    closed otherwise.
    """
    known = await tasks.find(tx, task_id)
    if disposition not in known.dispositions:
        raise WrongDisposition(known, disposition)
    numbers = range(1, len(known.checklist) + 1)
    done = [n for n in numbers if ticked is None or n in ticked]
    missing = [
        (n, item.item)
        for n, item in zip(numbers, known.checklist, strict=True)
        if item.mandatory and n not in done
    ]
    if missing and known.state == "open":
        raise ItemsMissing(known, missing)
    now = clock.now()
    task = await tasks.done(tx, task_id, disposition, note, now, ticked=done)
    if task is None:
        closed = await tasks.find(tx, task_id)
        if closed.disposition != disposition:
            raise TaskClosed(closed)
        return closed
    await events.record(
        tx,
        [
            Event(
                source=SOURCE,
                external_id=str(task_id),
                type=EventType.TASK_DONE,
                occurred_at=now,
                about=[],
                data={
                    "enrollment_id": task.enrollment_id,
                    "step": task.step,
                    "visit": task.visit,
                    "disposition": disposition,
                },
            )
        ],
        now,
    )
    return await tasks.find(tx, task_id)


def _told(task: Task) -> str:
    if task.state == "done":
        return f"task {task.task_id} was already done, as {task.disposition}"
    what = {"skipped": "the cadence went on without it", "cancelled": "the enrollment ended"}
    return f"task {task.task_id} is not open any more: {what.get(task.state, task.state)}"
