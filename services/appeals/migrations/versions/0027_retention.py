"""How long what is kept."""

from alembic import op

from libs.common.retention.schema import create_retention_v1

revision = "0027"
down_revision = "0026"

SERVICE = "appeals"


def upgrade() -> None:
    create_retention_v1(SERVICE)


def downgrade() -> None:
    op.execute("DROP TABLE retention")
