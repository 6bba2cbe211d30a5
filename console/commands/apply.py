"""`cadenza apply`: put cadence files into force."""

from pathlib import Path
from typing import Annotated

import typer

from cadenza.authoring.applying import Applied, apply_cadences, read_cadences
from cadenza.insight.missing_groups import missing_groups
from cadenza.language.files import cadence_files
from console.session import run, session, warn
from console.terminal import screen, show_json

Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Cadence files, or folders whose cadence files are meant.", metavar="PATH…"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("apply")(apply)


def apply(paths: Paths, as_json: Json = False) -> None:
    """Check cadence files and store them as new versions, all or none.

    Prospects who are under way stay on the version with which they began; new
    enrollments begin with the newest. What is unchanged makes no new version.
    """
    applied = run(_apply(paths))
    if as_json:
        show_json(
            [
                {"path": str(a.path), "cadence": a.name, "version": a.version, "is_new": a.is_new}
                for a in applied
            ]
        )
        return
    for one in applied:
        what = f"version {one.version}" if one.is_new else f"unchanged (version {one.version})"
        screen().print(f"{one.name}: {what}", markup=False)


async def _apply(paths: list[Path]) -> list[Applied]:
    async with session() as here:
        candidates = read_cadences(cadence_files(paths), here.accounts)
        async with here.database.transaction() as tx:
            applied = list(await apply_cadences(tx, candidates, here.clock.now()))
            missing = await missing_groups(tx, here.catalog, here.accounts)
        warn(missing)
        return applied
