"""Which claim each remit answers, and how that came to be."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0003"
down_revision = "0002"

SERVICE = "ingest"

TABLES = {
    "matches": """
        tenant_id text NOT NULL,
        remit_row_id uuid NOT NULL,
        remit_id uuid NOT NULL,
        claim_key uuid NOT NULL,
        payer_claim_control_number text NOT NULL,
        original_reference text NOT NULL,  -- REF*F8; with the next two what judging anew needs beyond the event
        rendering_npi text NOT NULL,
        frequency_code text NOT NULL,
        result text NOT NULL CHECK (result IN ('matched', 'matched_with_differences', 'ambiguous', 'unmatched')),
        claim_id uuid,
        score integer,
        differences jsonb NOT NULL,
        decided_by text NOT NULL CHECK (decided_by IN ('score', 'person')),
        decided_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, remit_row_id)
    """,
    "match_history": """
        tenant_id text NOT NULL,
        remit_row_id uuid NOT NULL,
        row_id uuid NOT NULL,
        result text NOT NULL,
        claim_id uuid,
        result_before text NOT NULL,
        claim_id_before uuid,
        decided_by text NOT NULL,
        who text NOT NULL,
        why text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, remit_row_id, row_id)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute("CREATE INDEX matches_of_account ON matches (tenant_id, claim_key)")
    op.execute("CREATE INDEX matches_of_claim ON matches (tenant_id, claim_id) WHERE claim_id IS NOT NULL")
    op.execute("CREATE INDEX matches_by_result ON matches (tenant_id, result, remit_row_id)")
    number = "payer_claim_control_number"
    op.execute(f"CREATE INDEX matches_payer_number ON matches (tenant_id, {number}) WHERE {number} <> ''")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
