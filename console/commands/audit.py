"""`cadenza audit`: prove from the ledger that no rule was broken."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import typer

from console.auditing import AuditReport, audit
from console.session import run, session
from console.terminal import screen, show_json, table

_DAY = ["%Y-%m-%d"]

From = Annotated[
    datetime | None,
    typer.Option(
        "--from", formats=_DAY, help="First day, in the organisation's zone.", metavar="YYYY-MM-DD"
    ),
]
To = Annotated[
    datetime | None,
    typer.Option("--to", formats=_DAY, help="Last day.", metavar="YYYY-MM-DD"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(prove)


def prove(first: From = None, last: To = None, as_json: Json = False) -> None:
    """Prove from the ledger that no touch began where there was a reason not to.

    Judges window, daily caps, stops, the do-not-contact list, repetitions and
    due times of every touch. Status 1 if one of them breaks a rule.
    """
    first_day = first.date() if first else None
    last_day = last.date() if last else None
    if first_day and last_day and last_day < first_day:
        raise typer.BadParameter("--to is before --from")
    report = run(_audit(first_day, last_day))
    if as_json:
        show_json(
            {
                "from": first_day.isoformat() if first_day else None,
                "to": last_day.isoformat() if last_day else None,
                "touches": report.touches,
                "violations": report.as_json(),
                "unclear": report.unclear,
                "examples": report.examples,
            }
        )
    else:
        _show(report)
    if report.violations:
        raise typer.Exit(1)


async def _audit(first: date | None, last: date | None) -> AuditReport:
    async with session() as here:
        return await audit(
            here.database, here.catalog, here.accounts, first_day=first, last_day=last
        )


def _show(report: AuditReport) -> None:
    shown = screen()
    lines = list(report.as_json().items())
    shown.print(table(f"{report.touches:,} touches judged", ("rule", "broken by"), lines))
    for rule, examples in report.examples.items():
        shown.print(f"\n{rule}:", style="bold red")
        for example in examples:
            shown.print(f"  {_told(example)}", markup=False)
    if report.unclear:
        shown.print(
            f"\n{report.unclear:,} touches cannot be judged: their prospects have another "
            "time zone than when they were planned."
        )
    if not report.violations:
        shown.print("\nNo rule was broken.", style="green")


def _told(example: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in example.items())
