"""Files that wait are found tenant by tenant: whoever sends much does not keep the others waiting."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("DROP INDEX interchanges_open")
    op.execute("CREATE INDEX interchanges_open ON interchanges (tenant_id, received_at) WHERE status IN ('received', 'processing')")


def downgrade() -> None:
    op.execute("DROP INDEX interchanges_open")
    op.execute("CREATE INDEX interchanges_open ON interchanges (received_at) WHERE status IN ('received', 'processing')")
