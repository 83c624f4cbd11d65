"""Reversals keep their payment day, and are paired anew instead of once: what they retracted follows from what is there."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Reversals from before this version have no day: they count as the oldest.
    op.execute("ALTER TABLE reversals ADD COLUMN payment_on date NOT NULL DEFAULT '0001-01-01'")
    op.execute("ALTER TABLE reversals ALTER COLUMN payment_on DROP DEFAULT")
    op.execute("ALTER TABLE reversals DROP COLUMN denial_id")


def downgrade() -> None:
    op.execute("ALTER TABLE reversals ADD COLUMN denial_id uuid")
    op.execute("ALTER TABLE reversals DROP COLUMN payment_on")
