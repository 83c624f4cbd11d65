"""Webhooks: who is told of alerts, and what became of each post."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0009"
down_revision = "0008"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE webhooks (
            tenant_id text NOT NULL,
            webhook_id uuid NOT NULL,
            url text NOT NULL,
            secret bytea NOT NULL,
            created_at timestamptz NOT NULL,
            created_by text NOT NULL,
            PRIMARY KEY (tenant_id, webhook_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE webhook_deliveries (
            tenant_id text NOT NULL,
            delivery_id uuid NOT NULL,
            webhook_id uuid NOT NULL,
            step_id uuid NOT NULL,
            state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
            attempts integer NOT NULL,
            next_at timestamptz NOT NULL,  -- of a leased one: the end of the lease
            created_at timestamptz NOT NULL,
            ended_at timestamptz,
            last_outcome text,
            PRIMARY KEY (tenant_id, delivery_id),
            CHECK ((state = 'waiting') = (ended_at IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE state = 'waiting'")
    op.execute("CREATE INDEX webhook_deliveries_of ON webhook_deliveries (tenant_id, webhook_id, created_at, delivery_id)")
    op.execute("CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE state <> 'waiting'")
    for table in ("webhooks", "webhook_deliveries"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE webhook_deliveries, webhooks")
