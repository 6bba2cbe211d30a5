"""`cadenza scheduler`, `worker`, `gateway` …: the processes of a deployment."""

from collections.abc import Callable

import typer

from cadenza.errors import ConfigurationError
from cadenza.settings import Settings
from console.processes import PROCESSES, start
from console.session import refuse


def register(app: typer.Typer) -> None:
    """Add a command for each process."""
    for name, what in PROCESSES.items():
        app.command(name, help=f"Run one {name}: {what}.")(_command(name))


def _command(name: str) -> Callable[[], None]:
    def command() -> None:
        try:
            start(name, Settings.load())
        except ConfigurationError as error:
            refuse(str(error))

    return command
