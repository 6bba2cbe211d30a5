"""`cadenza plan`: what `apply` would change, and who stands where it changes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from cadenza.authoring.applying import Candidate, read_cadences
from cadenza.authoring.comparing import Change, compare
from cadenza.insight.missing_groups import missing_groups
from cadenza.language.files import cadence_files
from cadenza.storage import cadences, standing
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection
from cadenza.storage.standing import StandingCount
from console.session import run, session, warn
from console.terminal import screen, show_json

Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Cadence files, or folders whose cadence files are meant.", metavar="PATH…"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_STYLES = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan"}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One cadence: what runs against what is in the file.

    version: the newest that was applied; None if there is none. becomes: the
    one that `apply` would make; None if the file says to the letter what
    runs. standing: who has not ended yet, by version and step.
    """

    cadence: str
    path: str
    version: int | None
    becomes: int | None
    changes: Sequence[Change]
    standing: Sequence[StandingCount]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(plan)


def plan(paths: Paths, as_json: Json = False) -> None:
    """Show what `cadenza apply` would change, and how many enrollments stand at each changed step.

    Nothing is stored. Comments, blank lines and the order of keys are not shown.
    """
    found = run(_plan(paths))
    if as_json:
        show_json([asdict(difference) for difference in found])
        return
    for difference in found:
        _show(difference)


async def _plan(paths: Sequence[Path]) -> Sequence[Difference]:
    async with session() as here:
        candidates = read_cadences(cadence_files(paths), here.accounts)
        async with here.database.snapshot() as db:
            warn(await missing_groups(db, here.catalog, here.accounts))
            return [await _difference(db, candidate) for candidate in candidates]


async def _difference(db: Connection, candidate: Candidate) -> Difference:
    name = candidate.cadence.name
    stored = await cadences.newest(db, name)
    return Difference(
        cadence=name,
        path=str(candidate.path),
        version=stored.version if stored else None,
        becomes=_becomes(stored, candidate),
        changes=compare(stored.sources, candidate.sources) if stored else (),
        standing=await standing.counts(db, name) if stored else (),
    )


def _becomes(stored: StoredVersion | None, candidate: Candidate) -> int | None:
    if stored is None:
        return 1
    return None if stored.sources == candidate.sources else stored.version + 1


def _show(difference: Difference) -> None:
    shown = screen()
    name, version = difference.cadence, difference.version
    if version is None:
        shown.print(f"{name}: new, from {difference.path}", style="green", markup=False)
        return
    if difference.becomes is None:
        shown.print(f"{name}: unchanged (version {version})", markup=False)
        return
    shown.print(f"{name}: version {version} → {difference.becomes}", style="bold", markup=False)
    if not difference.changes:
        shown.print("  says the same; only how it is written changed")
        return
    here = _by_step(difference.standing)
    for change in difference.changes:
        shown.print(f"  {change}", style=_STYLES[change.kind], markup=False)
        if change.step in here and change.kind != "added":
            shown.print(f"      {here[change.step]}", style="dim", markup=False)
    under_way = sum(count.enrollments for count in difference.standing)
    if under_way:
        shown.print(
            f"  {under_way:,} under way stay on their version; `cadenza migrate {name}` takes "
            "them along",
            markup=False,
        )


def _by_step(counts: Sequence[StandingCount]) -> Mapping[str | None, str]:
    told: dict[str | None, list[str]] = {}
    for count in counts:
        told.setdefault(count.step, []).append(f"{count.enrollments:,} of version {count.version}")
    return {step: f"{' and '.join(some)} stand here" for step, some in told.items()}
