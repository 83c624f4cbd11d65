"""Each model's file has a seal, made with a key that the database does not hold."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE models ADD COLUMN seal bytea NOT NULL DEFAULT ''")


def downgrade() -> None:
    op.execute("ALTER TABLE models DROP COLUMN seal")
