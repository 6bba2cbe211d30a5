"""What a person can do at the command line: one file for each command or small family.

A new command is a new file here with a function `register(app)`, and a
line in `console/contents.py`. Its file is loaded when it is called.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from console.contents import PANELS

_HELP = """Sales cadences over email, SMS, social channels and people.

Exit status: 0 done, 1 refused or not found, 2 wrong usage.
"""
_ENTRIES = {name: entry for entries in PANELS.values() for name, entry in entries.items()}


def command_modules() -> Sequence[ModuleType]:
    """The files of this folder, in order of their names."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]


def command_line() -> typer.Typer:
    """The `cadenza` command with everything in this folder."""
    app = typer.Typer(
        cls=_Contents,
        help=_HELP,
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,  # they would show people and secrets
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_nothing)
    return app


def load_command(name: str) -> Any:
    """The command or family `name`, from its file. Raises KeyError if there is none."""
    app = typer.Typer()
    app.callback()(_nothing)
    importlib.import_module(f"{__name__}.{_ENTRIES[name].file}").register(app)
    return typer.main.get_group(app).commands[name]


def _nothing() -> None:
    """What `cadenza` does before each command; it makes a family of one command, too."""


class _Contents(TyperGroup):
    """Knows its commands by name and line; loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for panel, entries in PANELS.items():
            for name, entry in entries.items():
                self.add_command(TyperCommand(name, help=entry.what, rich_help_panel=panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name in _ENTRIES else command, rest
