"""A denial tells what kind of payer refused: the levels of its appeals depend on it."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("ALTER TABLE denials ADD COLUMN payer_kind text")


def downgrade() -> None:
    op.execute("ALTER TABLE denials DROP COLUMN payer_kind")
