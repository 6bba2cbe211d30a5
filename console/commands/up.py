"""`cadenza up`: the whole product on this machine, from one terminal."""

from pathlib import Path
from typing import Annotated

import typer

from cadenza.errors import CadenzaError
from console.session import refuse
from console.terminal import screen


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(
    data_dir: Annotated[Path, typer.Option(help="Where all data is kept.", metavar="DIR")] = Path(
        "var"
    ),
    accounts: Annotated[
        Path | None,
        typer.Option(
            help="Accounts file; left out: CADENZA_ACCOUNTS_FILE, else accounts.yaml.",
            metavar="FILE",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=16)] = 2,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Send everything to a pretend world.")
    ] = False,
) -> None:
    """Run everything, supervised: a process that dies is started again. Ctrl-C stops it.

    PostgreSQL and Valkey come with it, unless CADENZA_DATABASE_URL or
    CADENZA_REDIS_URL point elsewhere.
    """
    from console.up import UpOptions, run_up  # noqa: PLC0415 - imports everything

    options = UpOptions(
        data_dir=data_dir.resolve(), accounts=accounts, workers=workers, sandbox=sandbox
    )
    try:
        run_up(options, screen())
    except CadenzaError as error:
        refuse(str(error))
