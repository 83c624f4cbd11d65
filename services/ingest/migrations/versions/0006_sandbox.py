"""What the simulated payer of a sandbox tenant will send, until it is sent."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0006"
down_revision = "0004"

SERVICE = "ingest"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE sandbox_letters (
            tenant_id text NOT NULL,
            due_at timestamptz NOT NULL,
            row_id uuid NOT NULL,
            body bytea NOT NULL,  -- a 277CA or 835, packed
            traceparent text NOT NULL,
            PRIMARY KEY (tenant_id, due_at, row_id)
        )
        """
    )
    secure_tenant_table(SERVICE, "sandbox_letters")


def downgrade() -> None:
    op.execute("DROP TABLE sandbox_letters")
