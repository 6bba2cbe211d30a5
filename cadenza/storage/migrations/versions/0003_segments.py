"""How many segments each text had: limits count these."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Texts that left before count as one each, as they did then."""
    op.execute("alter table touch add column segments smallint not null default 1")


def downgrade() -> None:
    """The revision before counts texts."""
    op.execute("alter table touch drop column segments")
