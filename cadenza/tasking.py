"""Tasks done: closed on their owner's list, and told to their enrollment as an event."""

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


class TaskClosed(CadenzaError):
    """The task is not open any more. task: as it stands."""

    def __init__(self, task: Task) -> None:
        super().__init__(_told(task))
        self.task = task


async def complete_task(
    tx: Connection, task_id: TaskId, disposition: str, note: str, *, clock: Clock
) -> Task:
    """Close a task with what came of it; its enrollment hears of it as soon as workers apply it.

    The same task with the same disposition again changes nothing, so a
    caller may repeat a request whose answer was lost. Raises UnknownName,
    WrongDisposition, and TaskClosed for a task that was closed otherwise.
    """
    known = await tasks.find(tx, task_id)
    if disposition not in known.dispositions:
        raise WrongDisposition(known, disposition)
    now = clock.now()
    task = await tasks.done(tx, task_id, disposition, note, now)
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
