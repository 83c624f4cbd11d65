"""Schedules of audits: which plan is drawn anew for each period."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0011"
down_revision = "0010"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE audit_schedules (
            tenant_id text NOT NULL,
            schedule_id uuid NOT NULL,
            plan text NOT NULL,  -- JSON
            cadence text NOT NULL CHECK (cadence IN ('weekly', 'monthly', 'quarterly')),
            next_on date NOT NULL,  -- the first day after the period of the next audit, which is drawn on it
            created_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, schedule_id)
        )
        """
    )
    op.execute("CREATE INDEX audit_schedules_due ON audit_schedules (next_on)")
    secure_tenant_table(SERVICE, "audit_schedules")


def downgrade() -> None:
    op.execute("DROP TABLE audit_schedules")
