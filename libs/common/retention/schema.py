"""The table of what tenants have said, made by a migration of each service. A version never changes."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table


def create_retention_v1(service: str) -> None:
    op.execute(
        """
        CREATE TABLE retention (
            tenant_id text NOT NULL,
            kind text NOT NULL,
            days integer,  -- null: as long as the service keeps it for whoever says nothing
            changed_by text,
            changed_at timestamptz,
            reached uuid,  -- what is before this row is gone
            PRIMARY KEY (tenant_id, kind)
        )
        """
    )
    secure_tenant_table(service, "retention")
