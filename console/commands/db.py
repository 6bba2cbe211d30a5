"""`cadenza db upgrade`: bring the database's schema to this version."""

import typer
from sqlalchemy.exc import DBAPIError

from cadenza.errors import ConfigurationError
from cadenza.settings import Settings
from cadenza.storage.migrations import upgrade_async
from console.session import run
from console.terminal import screen


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="The database.", no_args_is_help=True)
    group.command("upgrade")(upgrade)
    app.add_typer(group, name="db")


def upgrade() -> None:
    """Bring the schema to the one that this version needs. Safe to repeat."""
    run(_upgrade())
    screen().print("the schema is up to date")


async def _upgrade() -> None:
    try:
        await upgrade_async(Settings.load().database_url)
    except (OSError, DBAPIError) as error:
        raise ConfigurationError(
            "cannot reach the database: is it up, and is CADENZA_DATABASE_URL right?"
        ) from error
