"""How many segments each text had, which limits count; and what owners are told waits for room."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Texts that left before count as one each, as they did then."""
    op.execute("alter table touch add column segments smallint not null default 1")
    # Schedule time, unlike not_before: caps make room when their window ends.
    op.execute("alter table notification add column waits_until timestamptz")


def downgrade() -> None:
    """The revision before counts texts."""
    op.execute("alter table notification drop column waits_until")
    op.execute("alter table touch drop column segments")
