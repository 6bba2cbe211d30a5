"""`cadenza tasks`: what people have to do."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cadenza.by_hand.tasking import complete_task
from cadenza.model import TaskId
from cadenza.storage import tasks as rows
from cadenza.storage.tasks import Task
from console.session import run, session
from console.terminal import both_times, cell, facts, screen, show_json, table

Number = Annotated[
    int, typer.Argument(help="Number of the task.", metavar="ID", min=1, max=2**63 - 1)
]
Owner = Annotated[
    str | None, typer.Option("--owner", help="Only this owner's, and those of their teams.")
]
Role = Annotated[str | None, typer.Option("--role", help="Only those for this team.")]
Ticks = Annotated[
    list[int] | None,
    typer.Option("--tick", metavar="N", help="An item of the checklist that is done, by number."),
]
TickAll = Annotated[bool, typer.Option("--tick-all", help="All items of the checklist are done.")]
Due = Annotated[bool, typer.Option("--due", help="Only those whose time has come.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most this many.")]
Disposition = Annotated[
    str, typer.Option("--disposition", "-d", help="What came of it: one of the task's own words.")
]
Note = Annotated[str, typer.Option("--note", help="Kept with the task.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(help="Tasks for people: calls, letters, approvals.", no_args_is_help=True)
    family.command("list")(list_)
    family.command("show")(show)
    family.command("done")(done)
    app.add_typer(family, name="tasks")


def list_(
    owner: Owner = None,
    role: Role = None,
    due: Due = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List open tasks, oldest first."""
    found = run(_listed(owner, role, due=due, limit=limit))
    if as_json:
        show_json([asdict(task) for task in found])
        return
    if not found:
        screen().print("no open tasks")
        return
    columns = ("task", "kind", "title", "due (UTC)", "for", "prospect", "phone", "dispositions")
    screen().print(table(f"{len(found):,} open tasks", columns, [_line(task) for task in found]))
    if len(found) == limit:
        screen().print("… there may be more; see --limit", style="dim")


def show(number: Number, as_json: Json = False) -> None:
    """Show one task with its script and checklist."""
    task = run(_shown(number))
    if as_json:
        show_json(asdict(task))
    else:
        _show(task)


def done(  # noqa: PLR0917 - typer reads them as options
    number: Number,
    disposition: Disposition,
    note: Note = "",
    tick: Ticks = None,
    tick_all: TickAll = False,
    as_json: Json = False,
) -> None:
    """Say that a task is done and what came of it; the cadence goes on accordingly."""
    task = run(_done(number, disposition, note, None if tick_all else tick or ()))
    if as_json:
        show_json(asdict(task))
    else:
        screen().print(f"task {task.task_id} is done: {task.disposition}", markup=False)


async def _listed(owner: str | None, role: str | None, *, due: bool, limit: int) -> list[Task]:
    async with session() as here, here.database.connection() as db:
        due_by = here.clock.now() if due else None
        roles = [role] if role is not None else here.accounts.roles_of(owner)
        found = await rows.listed(db, owner_id=owner, roles=roles, due_by=due_by, most=limit)
        return list(found)


async def _shown(number: int) -> Task:
    async with session() as here, here.database.connection() as db:
        return await rows.find(db, TaskId(number))


async def _done(number: int, disposition: str, note: str, ticked: Sequence[int] | None) -> Task:
    async with session() as here, here.database.transaction() as tx:
        return await complete_task(
            tx, TaskId(number), disposition, note, ticked=ticked, clock=here.clock
        )


def _line(task: Task) -> tuple[Any, ...]:
    return (
        task.task_id,
        task.kind,
        task.title,
        task.due_at,
        task.role or task.owner_id,
        _name(task),
        task.prospect["phone"],
        ", ".join(task.dispositions),
    )


def _show(task: Task) -> None:
    shown, prospect = screen(), task.prospect
    shown.print(cell(task.title), style="bold")
    shown.print(
        facts(
            {
                "task": f"{task.task_id} ({task.kind})",
                "state": task.state,
                "due": both_times(task.due_at, prospect["time_zone"]),
                "owner": task.owner_id,
                "for": task.role,
                "prospect": _name(task),
                "company": prospect["company"],
                "phone": prospect["phone"],
                "email": prospect["email"],
                "cadence": f"{task.cadence}, step {task.step}",
                "enrollment": str(task.enrollment_id),
                "dispositions": ", ".join(task.dispositions),
                "disposition": task.disposition,
                "note": task.note,
            }
        )
    )
    for n, item in enumerate(task.checklist, start=1):
        box, must = "☑" if item.ticked else "☐", " (mandatory)" if item.mandatory else ""
        shown.print(cell(f"  {box} {n} {item.item}{must}"))
    for title, text in (("", task.script), ("To a machine:", task.voicemail)):
        if text:
            shown.print()
            shown.print(cell(f"{title} {text}".strip()))


def _name(task: Task) -> str:
    names = [task.prospect["first_name"], task.prospect["last_name"]]
    return " ".join(str(name) for name in names if name) or str(task.prospect["key"])
