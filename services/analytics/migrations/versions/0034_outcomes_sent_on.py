"""When the claim of an outcome was submitted: whether an action worked is asked of claims that were sent since."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.execute("ALTER TABLE outcomes ADD COLUMN sent_on date")


def downgrade() -> None:
    op.execute("ALTER TABLE outcomes DROP COLUMN sent_on")
