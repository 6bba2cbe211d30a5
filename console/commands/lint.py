"""`cadenza lint`: judge cadence files before anybody is touched."""

from pathlib import Path
from typing import Annotated

import typer

from cadenza.accounts import Accounts
from cadenza.authoring.lint.rule import People
from cadenza.authoring.lint.run import lint_files
from cadenza.errors import CadenzaError
from cadenza.language.files import cadence_files
from console.linting import Report, people_of, show
from console.terminal import show_json

Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Cadence files, or folders whose cadence files are meant.", metavar="PATH…"
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Status 1 also if there is advice.")]
AccountsFile = Annotated[
    Path | None,
    typer.Option("--accounts", help="Also check against this accounts file.", metavar="FILE"),
]
Prospects = Annotated[
    Path | None,
    typer.Option(
        "--prospects",
        help="Also check against the prospects of this CSV file: what they lack is an error.",
        metavar="FILE",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_WRONG_USAGE = 2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lint")(lint)


def lint(
    paths: Paths,
    strict: Strict = False,
    accounts: AccountsFile = None,
    prospects: Prospects = None,
    as_json: Json = False,
) -> None:
    """Judge cadence files: errors, which `apply` refuses, and advice.

    Reads files alone: no database, no server. Status 0 if there is no error,
    1 if there is one (with --strict also for advice), 2 if the command itself
    is wrong.
    """
    try:
        files = cadence_files(paths)
        known = _senders(accounts) if accounts else None
        people = _people(prospects) if prospects else None
    except CadenzaError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_WRONG_USAGE) from error
    _, findings = lint_files(files, accounts=known, people=people)
    report = Report(files=files, findings=findings)
    if as_json:
        show_json(report.as_json())
    else:
        show(report)
    if report.errors or (strict and report.findings):
        raise typer.Exit(1)


def _senders(accounts: Path) -> Accounts:
    # Only here, as below. Secrets stay unread: lint runs where there are none.
    from console.demo.redirect import pretend_accounts  # noqa: PLC0415

    return pretend_accounts(accounts)


def _people(prospects: Path) -> People:
    # Only here, because it brings the libraries of Redis with it.
    from console.enroll.table import read_rows  # noqa: PLC0415

    return people_of(read_rows(prospects))
