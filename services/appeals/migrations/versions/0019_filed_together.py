"""Which filings went out together, in one submission."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("ALTER TABLE filings ADD COLUMN submission_id uuid")


def downgrade() -> None:
    op.execute("ALTER TABLE filings DROP COLUMN submission_id")
