"""How far days had ended when a sample was drawn: whether the same plan would draw it again."""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.execute("ALTER TABLE audits ADD COLUMN drawn_through date")


def downgrade() -> None:
    op.execute("ALTER TABLE audits DROP COLUMN drawn_through")
