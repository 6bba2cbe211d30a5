"""`cadenza pause`, `resume`, `finish`, `move`: the course of one enrollment or of thousands."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from cadenza.by_hand import steering
from cadenza.by_hand.steering import Steered
from cadenza.language.cadence import Cadence
from cadenza.language.source import did_you_mean
from cadenza.model import EnrollmentId, EnrollmentStatus, Outcome
from cadenza.storage import enrollments
from cadenza.storage.database import Connection
from console.bulk.choosing import Where, Who
from console.bulk.going_through import DryRun, Json, Mode, Order, Yes, go_through
from console.processes.common import Parts
from console.session import refuse, run

ACTIVE = frozenset({EnrollmentStatus.ACTIVE})
PAUSED = frozenset({EnrollmentStatus.PAUSED})
RUNNING = ACTIVE | PAUSED

Reason = Annotated[str, typer.Option("--reason", help="Kept with the enrollment.")]
Days = Annotated[
    int | None, typer.Option("--days", min=1, max=730, help="Goes on by itself after so many.")
]
To = Annotated[str, typer.Option("--to", help="The step to go on with.")]
How = Annotated[Outcome, typer.Option("--outcome", help="How it ended.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("finish")(finish)
    app.command("move")(move)


def pause(
    who: Who = None,
    *,
    where: Where = None,
    days: Days = None,
    reason: Reason = "paused by hand",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Hold what is active, until `cadenza resume` or for some days. No gap gets shorter by it."""
    data: dict[str, Any] = {"reason": reason}
    if days is not None:
        data["days"] = days
    order = _order("pause", "paused", ACTIVE, "paused", data)
    run(go_through(order, who, where, Mode(dry_run=dry_run, yes=yes, as_json=as_json)))


def resume(
    who: Who = None,
    *,
    where: Where = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let go on what is paused; gaps stay as they were."""
    # Planned anew while a worker still holds the touch, it could leave twice.
    order = _order("resume", "resumed", PAUSED, "resumed", {}, even_if_busy=False)
    run(go_through(order, who, where, Mode(dry_run=dry_run, yes=yes, as_json=as_json)))


def finish(
    how: How,
    who: Who = None,
    *,
    where: Where = None,
    reason: Reason = "finished by hand",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """End what runs, with an outcome; what the cadence requires of reps is not asked for here."""
    data = {"outcome": how.value, "reason": reason}
    order = _order("finish", "finished", RUNNING, "finished", data)
    run(go_through(order, who, where, Mode(dry_run=dry_run, yes=yes, as_json=as_json)))


def move(
    to: To,
    who: Who = None,
    *,
    where: Where = None,
    reason: Reason = "moved by hand",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take enrollments to another step of their cadence; what was planned for them is dropped."""

    async def act(here: Parts, tx: Connection, ids: Sequence[EnrollmentId]) -> Steered:
        known = await enrollments.load(tx, ids)
        versions = {e.version_id for e in known.values()}
        await here.catalog.load(tx, versions)
        for version_id in versions:
            _check_target(here.catalog[version_id], to)
        data = {"step": to, "reason": reason}
        return await steering.steer(
            tx, ids, "moved", data, statuses=RUNNING, course=here.course, clock=here.clock
        )

    order = Order(verb="move", past="moved", statuses=RUNNING, act=act)
    run(go_through(order, who, where, Mode(dry_run=dry_run, yes=yes, as_json=as_json)))


def _check_target(cadence: Cadence, step: str) -> None:
    if step not in cadence.steps:
        guess = did_you_mean(step, cadence.steps)
        refuse(f"cadence {cadence.name} has no step {step!r}{guess}: nothing more was moved")
    if step in cadence.lane_of:
        refuse(f"{step!r} is inside a `parallel`: move to the step that holds it")


def _order(
    verb: str,
    past: str,
    statuses: frozenset[EnrollmentStatus],
    kind: str,
    data: Mapping[str, Any],
    *,
    even_if_busy: bool = True,
) -> Order:
    async def act(here: Parts, tx: Connection, ids: Sequence[EnrollmentId]) -> Steered:
        return await steering.steer(
            tx,
            ids,
            kind,
            data,
            statuses=statuses,
            even_if_busy=even_if_busy,
            course=here.course,
            clock=here.clock,
        )

    return Order(verb=verb, past=past, statuses=statuses, act=act)
