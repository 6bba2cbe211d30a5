"""`cadenza migrate`: take who is under way along to another version of their cadence."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from cadenza.by_hand import steering
from cadenza.by_hand.migrating import Migration, prepare
from cadenza.by_hand.steering import Steered
from cadenza.model import EnrollmentId, EnrollmentStatus
from cadenza.storage.database import Connection
from cadenza.storage.standing import Selection
from console.bulk.going_through import DryRun, Json, Mode, Order, Yes, carry_out
from console.processes.common import Parts
from console.session import refuse, run, session
from console.terminal import screen, show_json, table

RUNNING = frozenset({EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED})

Name = Annotated[str, typer.Argument(help="The cadence.", metavar="CADENCE")]
To = Annotated[int | None, typer.Option("--to", help="The version; the newest if left out.")]
From = Annotated[int | None, typer.Option("--from", help="Only those of this version.")]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="OLD=NEW", help="Where those go who stand at a step. May be repeated."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(migrate)


def migrate(
    name: Name,
    *,
    to: To = None,
    from_: From = None,
    maps: Map = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take enrollments that have not ended along to another version; they stand where they stood.

    Who stands at a step that is gone needs a --map.
    """
    mode = Mode(dry_run=dry_run, yes=yes, as_json=as_json)
    mode.check()
    run(_migrate(name, to, from_, _mapping(maps or ()), mode))


def _mapping(maps: Sequence[str]) -> Mapping[str, str]:
    mapping = {}
    for text in maps:
        old, equals, new = (part.strip() for part in text.partition("="))
        if not (old and equals and new):
            raise typer.BadParameter(f"--map {text!r}: write OLD=NEW, two names of steps")
        mapping[old] = new
    return mapping


async def _migrate(
    name: str, to: int | None, from_: int | None, mapping: Mapping[str, str], mode: Mode
) -> None:
    async with session() as here:
        async with here.database.snapshot() as db:
            found = await prepare(db, here.catalog, name, to=to, from_=from_, mapping=mapping)
        if not found.moves:
            refuse(f"nobody of {name} is under way on another version than {found.version}")
        if not mode.as_json:
            _show(found)
        elif mode.dry_run:
            show_json([asdict(move) for move in found.moves])
        if found.homeless:
            steps = ", ".join(sorted({move.step for move in found.homeless}))
            refuse(f"version {found.version} has no step {steps}: add --map OLD=NEW for each")
        if mode.dry_run:
            return
        if not mode.yes:
            typer.confirm(f"Take them to version {found.version}?", abort=True)
        wanted = [
            Selection(cadence=name, version=version, statuses=sorted(RUNNING))
            for version in sorted({move.version for move in found.moves})
        ]
        try:
            await carry_out(here, _order(found), wanted, mode)
        except ValueError as error:
            refuse(f"{error}; nothing more was migrated")


def _order(found: Migration) -> Order:
    data = {"version": found.version_id, "mapping": dict(found.mapping)}

    async def act(here: Parts, tx: Connection, ids: Sequence[EnrollmentId]) -> Steered:
        # What a worker holds at this moment would be planned a second time.
        return await steering.steer(
            tx,
            ids,
            "migrated",
            data,
            statuses=RUNNING,
            even_if_busy=False,
            course=here.course,
            clock=here.clock,
        )

    return Order(verb="migrate", past="migrated", statuses=RUNNING, act=act)


def _show(found: Migration) -> None:
    rows = [(m.version, m.step, m.to or "nowhere", m.enrollments) for m in found.moves]
    title = f"{found.cadence}: to version {found.version}"
    screen().print(table(title, ("version", "stands at", "will stand at", "count"), rows))
