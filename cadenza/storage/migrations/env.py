"""Alembic's entry: runs the revisions on the connection that `upgrade` passes in."""

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=False)
with context.begin_transaction():
    # Two processes that start together must not both migrate.
    connection.execute(text("select pg_advisory_xact_lock(7239481)"))
    context.run_migrations()
