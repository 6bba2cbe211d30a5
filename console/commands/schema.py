"""`cadenza schema`: the JSON Schema of cadence files."""

import sys

import typer

from cadenza.authoring.schema import schema_text


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema")(schema)


def schema() -> None:
    """Print the JSON Schema of cadence files, for editors that complete and check.

    Write it to a file, and begin cadences with
    `# yaml-language-server: $schema=` and the way to it.
    """
    sys.stdout.write(schema_text())
