"""Who coded a claim is kept beside it, where the sender told it."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("ALTER TABLE claims ADD COLUMN coder text NOT NULL DEFAULT ''")


def downgrade() -> None:
    op.execute("ALTER TABLE claims DROP COLUMN coder")
