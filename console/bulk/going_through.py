"""Going through many enrollments: shown first, asked for, then a transaction for some at a time."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from cadenza.by_hand.steering import Steered
from cadenza.model import EnrollmentId, EnrollmentStatus
from cadenza.storage import standing
from cadenza.storage.database import Connection
from cadenza.storage.standing import Selection
from console.bulk.choosing import choose
from console.processes.common import Parts
from console.session import refuse, session
from console.terminal import screen, show_json, table

AT_A_TIME = 500
"""Enrollments in one transaction: enough to be quick, few enough to hold nobody up."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show whom it concerns, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; goes with --yes or --dry-run.")]

Act = Callable[[Parts, Connection, Sequence[EnrollmentId]], Awaitable[Steered]]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done. verb: `pause`; past: `paused`; statuses: whom it can concern."""

    verb: str
    past: str
    statuses: frozenset[EnrollmentStatus]
    act: Act


@dataclass(frozen=True, kw_only=True)
class Mode:
    """How a command was asked to go about it."""

    dry_run: bool
    yes: bool
    as_json: bool

    def check(self) -> None:
        """Raises typer.BadParameter."""
        if self.as_json and not (self.yes or self.dry_run):
            raise typer.BadParameter("--json cannot ask: add --yes or --dry-run")


@dataclass
class Done:
    """What came of it. busy: left alone, because a touch of theirs is being sent right now."""

    enrollments: int = 0
    busy: int = 0


async def go_through(
    order: Order, who: str | None, where: Sequence[str] | None, mode: Mode
) -> None:
    """Show, ask, and do it; each enrollment at most once, also if it fits again afterwards."""
    mode.check()
    async with session() as here:
        async with here.database.snapshot() as db:
            wanted = await choose(db, who, where, order.statuses)
            counted = await standing.tally(db, wanted)
        rows = [(*where_from, count) for where_from, count in counted.items()]
        total = sum(counted.values())
        if not total:
            refuse(f"there is nothing to {order.verb}: no enrollment fits")
        if mode.as_json and mode.dry_run:
            names = ("cadence", "state", "step", "enrollments")
            show_json([dict(zip(names, row, strict=True)) for row in rows])
        if not mode.as_json:
            title = f"{_counted(total)} to {order.verb}"
            screen().print(table(title, ("cadence", "state", "at step", "count"), rows))
        if mode.dry_run:
            return
        if not mode.yes:
            typer.confirm(f"{order.verb.capitalize()} {_counted(total)}?", abort=True)
        await carry_out(here, order, [wanted], mode)


async def carry_out(here: Parts, order: Order, wanted: Sequence[Selection], mode: Mode) -> None:
    """Do it with all that are meant, and tell how many it were."""
    done = Done()
    for selection in wanted:
        await _do(here, order, selection, done)
    if mode.as_json:
        show_json(asdict(done))
        return
    screen().print(f"{order.past} {_counted(done.enrollments)}")
    if done.busy:
        screen().print(
            f"{_counted(done.busy)} left alone: a touch of theirs is being sent at this moment; "
            "run the command again",
            style="yellow",
        )


async def _do(here: Parts, order: Order, wanted: Selection, done: Done) -> None:
    after = 0
    while True:
        async with here.database.transaction() as tx:
            ids = await standing.select(tx, wanted, after=after, most=AT_A_TIME)
            if ids:
                steered = await order.act(here, tx, ids)
                done.enrollments += len(steered.enrollments)
                done.busy += steered.busy
        if len(ids) < AT_A_TIME:
            return
        after = ids[-1]


def _counted(count: int) -> str:
    return "1 enrollment" if count == 1 else f"{count:,} enrollments"
