"""`cadenza research-check`: what has to be found out about prospects before a launch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cadenza.authoring.research import Lack, lacks_of
from cadenza.errors import ConfigurationError
from console.preview.people import Person, Subjects, choose_cadence, read_people
from console.session import run
from console.terminal import screen, show_json, table

MOST_SHOWN = 200

Which = Annotated[
    str, typer.Argument(metavar="CADENCE", help="A cadence file, or the name of an applied one.")
]
File = Annotated[Path, typer.Option("--prospects", metavar="CSV", help="The prospects.")]
AccountsFile = Annotated[
    Path | None,
    typer.Option("--accounts", metavar="FILE", help="Check owners and senders too."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row of the file with what it lacks: what → the touches that need it."""

    number: int
    who: str
    lacks: Mapping[str, Sequence[str]]
    told: Mapping[str, str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("research-check")(research_check)


def research_check(
    cadence: Which, prospects: File, accounts: AccountsFile = None, as_json: Json = False
) -> None:
    """Tell which prospects lack which fields for which touches, row by row.

    Every touch is filled as it would be sent; what has a fallback is not
    missing. Status 1 if something lacks.
    """
    chosen, people = run(_read(cadence, prospects, accounts))
    findings = [f for person in people if (f := _finding(person, chosen)).lacks]
    if as_json:
        show_json(_document(len(people), findings))
    else:
        _show(len(people), findings)
    if findings:
        raise typer.Exit(1)


async def _read(
    cadence: str, prospects: Path, accounts: Path | None
) -> tuple[Subjects, Sequence[Person]]:
    chosen = await choose_cadence(cadence, accounts)
    people = read_people(prospects, chosen.accounts, is_real=chosen.is_real)
    if not people:
        raise ConfigurationError(f"{prospects}: there is no prospect in this file")
    return chosen, people


def _finding(person: Person, chosen: Subjects) -> Finding:
    if person.profile is None:
        what = person.field or "row"
        return Finding(
            number=person.number,
            who="",
            lacks={what: ["all"]},
            told={what: f"{what} {person.reason}"},
        )
    accounts = chosen.accounts if chosen.is_real else None
    lacks: dict[str, list[str]] = {}
    told: dict[str, str] = {}
    for lack in lacks_of(chosen.cadence, person.profile, accounts):
        name = _named(lack)
        lacks.setdefault(name, []).append(lack.step)
        told.setdefault(name, lack.told)
    return Finding(number=person.number, who=person.profile.key, lacks=lacks, told=told)


def _named(lack: Lack) -> str:
    return lack.what or "text"


def _document(rows: int, findings: Sequence[Finding]) -> Mapping[str, Any]:
    return {
        "rows": rows,
        "lacking": len(findings),
        "fields": dict(_totals(findings)),
        "prospects": [
            {
                "row": f.number,
                "prospect": f.who or None,
                "lacks": [
                    {"what": what, "touches": steps, "told": f.told[what]}
                    for what, steps in f.lacks.items()
                ],
            }
            for f in findings
        ],
    }


def _totals(findings: Sequence[Finding]) -> Sequence[tuple[str, int]]:
    return Counter(what for f in findings for what in f.lacks).most_common()


def _show(rows: int, findings: Sequence[Finding]) -> None:
    console = screen()
    if not findings:
        console.print(f"All {rows:,} prospects have what the touches need.", style="green")
        return
    lines = [
        (f.number, f.who, "; ".join(_told(f, what, steps) for what, steps in f.lacks.items()))
        for f in findings[:MOST_SHOWN]
    ]
    title = f"{len(findings):,} of {rows:,} prospects lack something"
    console.print(table(title, ("row", "prospect", "lacks (touches)"), lines))
    if len(findings) > MOST_SHOWN:
        console.print(f"… and {len(findings) - MOST_SHOWN:,} more: see --json")
    console.print()
    console.print(table("To find out", ("what", "prospects"), _totals(findings)))


def _told(finding: Finding, what: str, steps: Sequence[str]) -> str:
    if finding.who and what != "text":
        return f"{what} ({', '.join(steps)})"
    return f"{finding.told[what]} ({', '.join(steps)})"
