"""The schema, step by step, by alembic."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from cadenza.storage.database import Database


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def upgrade(database_url: str) -> None:
    """Bring the schema of the database to the newest revision. Idempotent; blocks."""
    asyncio.run(upgrade_async(database_url))


async def upgrade_async(database_url: str) -> None:
    """The same for callers that have an event loop."""

    def run(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with Database(database_url) as database, database.engine.connect() as connection:
        await connection.execution_options(isolation_level="READ COMMITTED")
        await connection.run_sync(run)
        await connection.commit()


async def pending_revision(database: Database) -> str | None:
    """The newest revision if the database is not at it, else None."""
    head = ScriptDirectory.from_config(_config()).get_current_head()

    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with database.engine.connect() as connection:
        return None if await connection.run_sync(current) == head else head
