"""The whole language and careful sending: what enrollments are about, signals, statuses, limits."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add everything."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """What was sent and learned under this revision has no place in the one before."""
    raise RuntimeError("this revision cannot be undone: restore a backup instead")
