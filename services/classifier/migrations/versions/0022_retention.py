"""How long what is kept."""

from alembic import op

from libs.common.retention.schema import create_retention_v1

revision = "0022"
down_revision = "0021"

SERVICE = "classifier"


def upgrade() -> None:
    create_retention_v1(SERVICE)


def downgrade() -> None:
    op.execute("DROP TABLE retention")
