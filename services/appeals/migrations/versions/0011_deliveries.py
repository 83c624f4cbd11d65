"""What Recours sends by itself: that it is to be sent, and that it was."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE deliveries (
            tenant_id text NOT NULL,
            appeal_id uuid NOT NULL,
            case_id uuid NOT NULL,
            channel text NOT NULL,
            status text NOT NULL,  -- waiting, sent, failed
            attempts integer NOT NULL,
            next_at timestamptz NOT NULL,
            receipt text,
            reason text,
            ended_at timestamptz,
            PRIMARY KEY (tenant_id, appeal_id)
        )
        """
    )
    op.execute("CREATE INDEX deliveries_waiting ON deliveries (next_at) WHERE status = 'waiting'")
    secure_tenant_table("appeals", "deliveries")


def downgrade() -> None:
    op.execute("DROP TABLE deliveries")
