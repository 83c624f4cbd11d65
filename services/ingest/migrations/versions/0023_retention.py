"""How long what is kept; a remit may be without its segments."""

from alembic import op

from libs.common.retention.schema import create_retention_v1

revision = "0023"
down_revision = "0022"

SERVICE = "ingest"


def upgrade() -> None:
    create_retention_v1(SERVICE)
    op.execute("ALTER TABLE remits ALTER COLUMN segments DROP NOT NULL")


def downgrade() -> None:
    """Only where nothing was forgotten: a remit without its segments has no place there."""
    op.execute("DROP TABLE retention")
    op.execute("ALTER TABLE remits ALTER COLUMN segments SET NOT NULL")
