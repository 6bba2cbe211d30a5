"""`cadenza demo`: a month of a cadence through real servers, in a minute or two."""

from pathlib import Path
from typing import Annotated

import typer

import cadences
from cadenza.errors import CadenzaError
from console.session import refuse
from console.terminal import screen

_DATA = Path(__file__).parent.parent / "demo" / "data"
_CADENCE = Path(cadences.__file__).parent / "ten-touch.yaml"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(  # noqa: PLR0917 - typer reads them as options
    prospects: Annotated[
        Path, typer.Option(help="CSV file of prospects.", exists=True, dir_okay=False)
    ] = _DATA / "prospects.csv",
    cadence: Annotated[
        list[Path],
        typer.Option(help="Cadence file; several share the prospects out.",
                     exists=True, dir_okay=False),
    ] = [_CADENCE],  # noqa: B006 - typer takes no tuple, and nobody changes it
    accounts: Annotated[
        Path,
        typer.Option(help="Accounts file; its owners, groups and limits count, its servers do not.",
                     exists=True, dir_okay=False),
    ] = _DATA / "accounts.yaml",
    days: Annotated[int, typer.Option(help="How many days to run.", min=1, max=366)] = 30,
    seed: Annotated[int, typer.Option(help="Another seed, other people's reactions.")] = 1,
    per_day: Annotated[
        int | None,
        typer.Option(help="Prospects to enroll each working day; left out: all in four days.",
                     min=1),
    ] = None,
    pauses: Annotated[
        float,
        typer.Option(help="How many sender accounts, and as many enrollments, an ops person lets "
                     "rest each day, for 2 to 48 hours; one who also lets accounts go on that "
                     "rest by themselves for a day.",
                     min=0, max=100, show_default="nobody is there"),
    ] = 0,
    response: Annotated[
        Path | None,
        typer.Option(help="Who reacts how often: a response file, see docs/tools/simulate.md.",
                     exists=True, dir_okay=False),
    ] = None,
    step_minutes: Annotated[
        int, typer.Option(help="How far time jumps at most once nothing is left to do.",
                          min=1, max=30)
    ] = 30,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=16)] = 2,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running at the end.")
    ] = False,
    data_dir: Annotated[
        Path, typer.Option(help="Where its data goes; emptied first.")
    ] = Path("var/demo"),
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the final report into this SVG file.")
    ] = None,
) -> None:  # fmt: skip
    """Run a month of touches through real servers, against a pretend outside world.

    PostgreSQL, Valkey, scheduler, workers, gateway and mailbox all run for
    real; only time is moved forward whenever nothing is left to do. The
    pretend world keeps its own ledger, and the end compares the two.
    """
    from console.demo.run import DemoOptions, run_demo  # noqa: PLC0415 - imports everything
    from sandbox.response import read_response  # noqa: PLC0415

    try:
        model = read_response(response)
    except ValueError as error:
        refuse(str(error))
    options = DemoOptions(
        prospects=prospects.resolve(),
        cadences=[path.resolve() for path in cadence],
        accounts=accounts.resolve(),
        days=days,
        seed=seed,
        per_day=per_day,
        pauses=pauses,
        response=model,
        step_minutes=step_minutes,
        workers=workers,
        keep=keep,
        data_dir=data_dir.resolve(),
        picture=picture.resolve() if picture else None,
    )
    try:
        run_demo(options, screen())
    except CadenzaError as error:
        refuse(str(error))
