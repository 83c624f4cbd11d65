"""Claims with their lines and history, acknowledgements, and answers to sets that wait for their claims."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0002"
down_revision = "0001"

SERVICE = "ingest"

TABLES = {
    "claims": """
        tenant_id text NOT NULL,
        claim_id uuid NOT NULL,
        row_id uuid NOT NULL,  -- version 7: the order in which lists show claims
        claim_key uuid NOT NULL,
        sequence bigint NOT NULL,
        interchange_id uuid,  -- null: sent as JSON
        transaction_ordinal integer,
        claim_ordinal bigint,
        group_control_number text NOT NULL,
        set_control_number text NOT NULL,
        patient_control_number text NOT NULL,
        claim_type text NOT NULL CHECK (claim_type IN ('professional', 'institutional', 'dental')),
        frequency_code text NOT NULL,
        charge_cents bigint NOT NULL,
        payer_id text NOT NULL,
        payer_name text NOT NULL,
        payer_kind text NOT NULL,
        claim_filing_code text NOT NULL,
        payer_sequence text NOT NULL,
        billing_npi text NOT NULL,
        rendering_npi text NOT NULL,
        facility_code text NOT NULL,
        service_from_on date,
        service_to_on date,
        member_reference text NOT NULL,
        original_payer_claim_control_number text NOT NULL,
        replaces_claim_id uuid,
        payer_claim_control_number text NOT NULL DEFAULT '',  -- learned from what the payer answers
        state text NOT NULL CHECK (state IN ('submitted', 'received', 'accepted', 'rejected')),
        submitted_at timestamptz NOT NULL,
        content bytea NOT NULL,  -- zstd of the claim as JSON; patient data stays here
        PRIMARY KEY (tenant_id, claim_id)
    """,
    "claim_lines": """
        tenant_id text NOT NULL,
        claim_row_id uuid NOT NULL,
        place integer NOT NULL,
        line integer NOT NULL,
        procedure_code text NOT NULL,
        modifiers text NOT NULL,  -- in order, separated by blanks
        revenue_code text NOT NULL,
        units text NOT NULL,
        charge_cents bigint NOT NULL,
        service_from_on date,
        service_to_on date,
        line_control_number text NOT NULL,
        PRIMARY KEY (tenant_id, claim_row_id, place)
    """,
    "claim_history": """
        tenant_id text NOT NULL,
        claim_id uuid NOT NULL,
        row_id uuid NOT NULL,
        state text,  -- null where it stays as it is
        why text NOT NULL,  -- submitted, acknowledged, replaced, voided
        cause_id uuid,  -- the acknowledgement or the claim that it came from
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, claim_id, row_id)
    """,
    "acknowledgements": """
        tenant_id text NOT NULL,
        acknowledgement_id uuid NOT NULL,
        row_id uuid NOT NULL,
        claim_key uuid NOT NULL,
        claim_id uuid,  -- null while the claim is not known
        interchange_id uuid NOT NULL,
        patient_control_number text NOT NULL,
        source text NOT NULL,
        verdict text NOT NULL CHECK (verdict IN ('received', 'accepted', 'rejected')),
        acknowledged_on date NOT NULL,
        received_at timestamptz NOT NULL,
        payer_id text NOT NULL,
        payer_name text NOT NULL,
        payer_claim_control_number text NOT NULL,
        charge_cents bigint,
        service_from_on date,
        statuses jsonb NOT NULL,
        PRIMARY KEY (tenant_id, acknowledgement_id)
    """,
    "set_answers": """
        tenant_id text NOT NULL,
        group_control_number text NOT NULL,
        set_control_number text NOT NULL,  -- empty: the whole group
        interchange_id uuid NOT NULL,
        sent_interchange_id uuid,  -- the file that it answers; null while that is not known
        answered_on date NOT NULL,
        received_at timestamptz NOT NULL,
        answer jsonb NOT NULL,
        PRIMARY KEY (tenant_id, group_control_number, set_control_number, interchange_id)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute("CREATE UNIQUE INDEX claims_newest ON claims (tenant_id, row_id)")
    op.execute("CREATE INDEX claims_of_account ON claims (tenant_id, claim_key)")
    op.execute("CREATE INDEX claims_of_state ON claims (tenant_id, state, row_id)")
    op.execute("CREATE INDEX claims_of_payer ON claims (tenant_id, payer_id, row_id)")
    op.execute(
        "CREATE INDEX claims_payer_number ON claims (tenant_id, payer_claim_control_number) WHERE payer_claim_control_number <> ''"
    )
    op.execute("CREATE INDEX claims_of_set ON claims (tenant_id, group_control_number, set_control_number)")
    op.execute("CREATE INDEX claims_replaced ON claims (tenant_id, replaces_claim_id) WHERE replaces_claim_id IS NOT NULL")
    op.execute("CREATE INDEX claims_of_member ON claims (tenant_id, member_reference, service_from_on)")
    op.execute("CREATE INDEX acknowledgements_of_account ON acknowledgements (tenant_id, claim_key)")
    op.execute("CREATE INDEX acknowledgements_of_claim ON acknowledgements (tenant_id, claim_id)")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
