"""Which requests for records have come: what is sent twice is told of once."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0012"
down_revision = "0011"

SERVICE = "ingest"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE records_requests (
            tenant_id text NOT NULL,
            request_id uuid NOT NULL,
            interchange_id uuid NOT NULL,
            PRIMARY KEY (tenant_id, request_id)
        )
        """
    )
    secure_tenant_table(SERVICE, "records_requests")


def downgrade() -> None:
    op.execute("DROP TABLE records_requests")
