"""What a person can do at the command line: one file for each command or small family.

A new command is a new file here with a function `register(app)`; it is
found by itself, and its help and place come with it.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType

import typer

_HELP = """Sales cadences over email, SMS, social channels and people.

Exit status: 0 done, 1 refused or not found, 2 wrong usage.
"""


def command_modules() -> Sequence[ModuleType]:
    """The files of this folder, in order of their names."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]


def command_line() -> typer.Typer:
    """The `cadenza` command with everything in this folder."""
    app = typer.Typer(
        help=_HELP,
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,  # they would show people and secrets
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for module in command_modules():
        module.register(app)
    return app
