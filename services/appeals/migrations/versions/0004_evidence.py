"""A tenant's own checklists of evidence, and what was waived in a case, which only grows."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0004"
down_revision = "0003"

SERVICE = "appeals"

TABLES = {
    "evidence_checklists": """
        tenant_id text NOT NULL,
        payer_id text NOT NULL,  -- empty: every payer without a list of its own
        category text NOT NULL,
        items jsonb NOT NULL,
        changed_by text NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, payer_id, category)
    """,
    "evidence_waivers": """
        tenant_id text NOT NULL,
        row_id uuid NOT NULL,
        case_id uuid NOT NULL,
        item text NOT NULL,
        what text NOT NULL,  -- waived, withdrawn
        reason text NOT NULL,
        who text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, row_id)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute(f"REVOKE UPDATE, DELETE ON evidence_waivers FROM {SERVICE}_api, {SERVICE}_worker")
    op.execute("CREATE INDEX evidence_waivers_case ON evidence_waivers (tenant_id, case_id, item, row_id)")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
