"""The spine, the ledger, interchanges with their bytes and findings, remittances, remits as they were told."""

from alembic import op

from libs.common.messaging.schema import create_spine_v1, secure_tenant_table
from libs.common.schema import create_idempotency_v1, create_ledger_v1

revision = "0001"
down_revision = None

SERVICE = "ingest"

TABLES = {
    "interchanges": """
        tenant_id text NOT NULL,
        interchange_id uuid NOT NULL,
        row_id uuid NOT NULL,  -- version 7: the order in which lists show interchanges
        sha256 text NOT NULL,
        size_bytes bigint NOT NULL,
        status text NOT NULL CHECK (status IN ('received', 'processing', 'accepted', 'accepted_with_errors', 'rejected')),
        received_at timestamptz NOT NULL,
        finished_at timestamptz,
        bytes_read bigint NOT NULL DEFAULT 0,
        claims_read bigint NOT NULL DEFAULT 0,
        error_count bigint NOT NULL DEFAULT 0,
        failures integer NOT NULL DEFAULT 0,  -- times that reading it met a bug of ours
        leased_until timestamptz,
        traceparent text NOT NULL,
        PRIMARY KEY (tenant_id, interchange_id)
    """,
    "interchange_chunks": """
        tenant_id text NOT NULL,
        interchange_id uuid NOT NULL,
        ordinal integer NOT NULL,
        body bytea NOT NULL,  -- zstd of up to 1 MiB
        PRIMARY KEY (tenant_id, interchange_id, ordinal)
    """,
    "transactions": """
        tenant_id text NOT NULL,
        interchange_id uuid NOT NULL,
        ordinal integer NOT NULL,
        type text NOT NULL,
        control_number text NOT NULL,
        version text NOT NULL,
        remittance_id uuid,
        complete boolean NOT NULL,
        claims bigint NOT NULL,
        claims_new bigint NOT NULL,
        claims_duplicate bigint NOT NULL,
        claims_conflicting bigint NOT NULL,
        claims_unreadable bigint NOT NULL,
        charge_cents bigint NOT NULL,
        paid_cents bigint NOT NULL,
        adjustment_cents bigint NOT NULL,
        unbalanced_lines bigint NOT NULL,
        unbalanced_claims bigint NOT NULL,
        balance_difference_cents bigint,
        PRIMARY KEY (tenant_id, interchange_id, ordinal)
    """,
    "findings": """
        tenant_id text NOT NULL,
        interchange_id uuid NOT NULL,
        ordinal bigint NOT NULL,
        finding jsonb NOT NULL,
        PRIMARY KEY (tenant_id, interchange_id, ordinal)
    """,
    "remittances": """
        tenant_id text NOT NULL,
        remittance_id uuid NOT NULL,
        row_id uuid NOT NULL,
        interchange_id uuid NOT NULL,
        payer_id text NOT NULL,
        payer_name text NOT NULL,
        payee_id text NOT NULL,
        payee_name text NOT NULL,
        trace_number text NOT NULL,
        amount_cents bigint,
        handling_code text NOT NULL,
        method text NOT NULL,
        payment_on date NOT NULL,
        produced_on date,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, remittance_id)
    """,
    "provider_adjustments": """
        tenant_id text NOT NULL,
        remittance_id uuid NOT NULL,
        ordinal integer NOT NULL,
        provider_id text NOT NULL,
        fiscal_period_on date,
        reason_code text NOT NULL,
        reference_id text NOT NULL,
        amount_cents bigint NOT NULL,
        PRIMARY KEY (tenant_id, remittance_id, ordinal)
    """,
    "accounts": """
        tenant_id text NOT NULL,
        claim_key uuid NOT NULL,
        version bigint NOT NULL,
        PRIMARY KEY (tenant_id, claim_key)
    """,
    "remits": """
        tenant_id text NOT NULL,
        remit_id uuid NOT NULL,
        row_id uuid NOT NULL,
        remittance_id uuid NOT NULL,
        interchange_id uuid NOT NULL,
        transaction_ordinal integer NOT NULL,
        claim_ordinal bigint NOT NULL,
        claim_key uuid NOT NULL,
        sequence bigint NOT NULL,
        content_digest bytea NOT NULL,
        patient_control_number text NOT NULL,
        payer_claim_control_number text NOT NULL,
        claim_status_code text NOT NULL,
        payment_on date NOT NULL,
        charge_cents bigint NOT NULL,
        paid_cents bigint NOT NULL,
        adjustment_cents bigint NOT NULL,
        unbalanced_cents bigint NOT NULL,
        told bytea NOT NULL,  -- the data of its remit.received without claim_id: lines, adjustments, remarks and all the rest
        segments text NOT NULL,  -- names, references, dates and amounts as the payer wrote them; patient data stays here
        PRIMARY KEY (tenant_id, remit_id)
    """,
}


def upgrade() -> None:
    create_spine_v1(SERVICE)
    create_ledger_v1(SERVICE)
    create_idempotency_v1(SERVICE)
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute("CREATE UNIQUE INDEX interchanges_newest ON interchanges (tenant_id, row_id)")
    op.execute("CREATE INDEX interchanges_open ON interchanges (received_at) WHERE status IN ('received', 'processing')")
    op.execute("CREATE UNIQUE INDEX remittances_newest ON remittances (tenant_id, row_id)")
    op.execute("CREATE INDEX remits_of_remittance ON remits (tenant_id, remittance_id, row_id)")
    op.execute("ALTER TABLE interchange_chunks ALTER COLUMN body SET STORAGE EXTERNAL")  # compressed already


def downgrade() -> None:
    for table in (*TABLES, "idempotency_keys", "ledger_adjustments", "ledger_days", "inbox", "relay_position", "outbox"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION tend_outbox")
