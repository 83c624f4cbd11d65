"""An answer to a claim may turn out to be to another one: the newest event about it holds."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE claim_answers ADD COLUMN sequence bigint NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE claim_answers DROP COLUMN sequence")
