"""The order of an account's remits within a day: the sequence of their events. Those from before count as the day's first."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE remits ADD COLUMN sequence bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE remits ALTER COLUMN sequence DROP DEFAULT")


def downgrade() -> None:
    op.execute("ALTER TABLE remits DROP COLUMN sequence")
