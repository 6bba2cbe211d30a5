"""`cadenza simulate`: what a cadence would do with these people, before one of them is touched."""

import os
import sys
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cadenza.errors import CadenzaError
from console.session import refuse

_DEMO_ACCOUNTS = Path(__file__).parent.parent / "demo" / "data" / "accounts.yaml"
_DAY_FORMAT = "%Y-%m-%d"


class Format(StrEnum):
    """How the result is shown."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


CadenceFile = Annotated[
    Path, typer.Argument(help="Cadence file.", exists=True, dir_okay=False, metavar="CADENCE")
]
Prospects = Annotated[
    Path, typer.Option(help="CSV file of prospects.", exists=True, dir_okay=False)
]
Start = Annotated[
    datetime, typer.Option(formats=[_DAY_FORMAT], help="First day.", metavar="YYYY-MM-DD")
]
Days = Annotated[int, typer.Option(help="How many days to run.", min=1, max=1100)]
Seed = Annotated[int, typer.Option(help="Another seed, other people's reactions.")]
AccountsFile = Annotated[
    Path | None,
    typer.Option(
        help="Accounts file; left out: CADENZA_ACCOUNTS_FILE, else that of the demo.",
        exists=True,
        dir_okay=False,
    ),
]
ResponseFile = Annotated[
    Path | None,
    typer.Option(
        help="Who reacts how often; left out: as in the demo.", exists=True, dir_okay=False
    ),
]
PerDay = Annotated[
    int | None,
    typer.Option(help="Rows to enroll each working day; left out: all in four days.", min=1),
]
StepMinutes = Annotated[
    int,
    typer.Option(
        help="What is due in so many minutes happens together, as in the demo; 1: to the minute.",
        min=1,
        max=30,
    ),
]
AsFormat = Annotated[Format, typer.Option("--format", help="How to show it.")]
Against = Annotated[
    Path | None,
    typer.Option(
        help="Another cadence file, or another version: both side by side.",
        exists=True,
        dir_okay=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(  # noqa: PLR0917 - typer reads them as options
    cadence: CadenceFile,
    prospects: Prospects,
    start: Start,
    days: Days = 30,
    seed: Seed = 1,
    accounts: AccountsFile = None,
    response: ResponseFile = None,
    per_day: PerDay = None,
    step_minutes: StepMinutes = 30,
    as_format: AsFormat = Format.TEXT,
    against: Against = None,
) -> None:
    """Run a cadence in virtual time: the real planner, limits, windows, and a response model.

    Nothing is sent and nothing is stored; neither servers nor a database
    are needed. The same files, start and seed give the same bytes, and the
    same touches as `cadenza demo` makes of them.
    """
    from console.simulate.shown import Request, shown  # noqa: PLC0415 - imports the domain

    request = Request(
        cadence=cadence,
        against=against,
        prospects=prospects,
        accounts=accounts or Path(os.environ.get("CADENZA_ACCOUNTS_FILE") or _DEMO_ACCOUNTS),
        response=response,
        start=start.date(),
        days=days,
        seed=seed,
        per_day=per_day,
        step=timedelta(minutes=step_minutes),
    )
    try:
        sys.stdout.write(shown(request, as_format.value))
    except (CadenzaError, ValueError) as error:
        refuse(str(error))
