"""Follow-ups with their history, what is to be looked at and when, payers' usual times, deposits, fee schedules."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0008"
down_revision = "0007"

SERVICE = "ingest"

TABLES = {
    "followup_watches": """
        tenant_id text NOT NULL,
        subject text NOT NULL CHECK (subject IN ('claim', 'remit', 'remittance', 'deposit')),
        subject_id uuid NOT NULL,
        look_at timestamptz NOT NULL,  -- touched: now; otherwise the first moment at which time alone may change the judgement
        PRIMARY KEY (tenant_id, subject, subject_id)
    """,
    "followups": """
        tenant_id text NOT NULL,
        followup_id uuid NOT NULL,
        kind text NOT NULL,
        subject text NOT NULL,
        subject_id uuid NOT NULL,
        patient_control_number text NOT NULL,
        payer_id text NOT NULL,
        payer_name text NOT NULL,
        due_on date NOT NULL,
        amount_cents bigint NOT NULL,
        reason text NOT NULL,
        status text NOT NULL CHECK (status IN ('open', 'resolved')),
        resolution text,
        resolved_by text CHECK (resolved_by IN ('system', 'person')),
        resolved_at timestamptz,
        owner text,
        note text,
        snoozed_until date,
        version bigint NOT NULL,
        opened_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, followup_id)
    """,
    "followup_history": """
        tenant_id text NOT NULL,
        followup_id uuid NOT NULL,
        row_id uuid NOT NULL,  -- version 7
        what text NOT NULL CHECK (what IN ('opened', 'changed', 'resolved', 'reopened', 'edited')),
        who text NOT NULL,
        at timestamptz NOT NULL,
        version bigint NOT NULL,
        changes jsonb NOT NULL,  -- field -> [before, after]
        PRIMARY KEY (tenant_id, followup_id, row_id)
    """,
    "payer_habits": """
        tenant_id text NOT NULL,
        payer_id text NOT NULL,
        answers bigint NOT NULL,
        usual_days integer NOT NULL,  -- the 95th percentile
        learned_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, payer_id)
    """,
    "followup_sweeps": """
        tenant_id text NOT NULL,
        swept_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id)
    """,
    "deposits": """
        tenant_id text NOT NULL,
        deposit_id uuid NOT NULL,
        row_id uuid NOT NULL,
        deposited_on date NOT NULL,
        amount_cents bigint NOT NULL,
        trace_number text NOT NULL,  -- upper case; empty where the bank gives none
        payer_name text NOT NULL,
        reference text NOT NULL,
        remittance_id uuid,  -- null: none found yet
        received_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, deposit_id)
    """,
    "reference_fees": """
        tenant_id text NOT NULL,
        release_id bigint NOT NULL,
        payer_id text NOT NULL,
        procedure_code text NOT NULL,
        modifier text NOT NULL,
        allowed_cents bigint NOT NULL,
        valid_from date NOT NULL,
        valid_to date
    """,
}
INDEXES = {
    "followup_watches_due": "followup_watches (look_at)",
    "followups_by_due": "followups (tenant_id, status, due_on, followup_id)",
    "followups_of_subject": "followups (tenant_id, subject, subject_id)",
    "deposits_by_trace": "deposits (tenant_id, trace_number)",
    "deposits_newest": "deposits (tenant_id, row_id)",
    "deposits_by_day": "deposits (tenant_id, deposited_on)",
    "deposits_waiting": "deposits (tenant_id, amount_cents) WHERE remittance_id IS NULL",
    "reference_fees_of": "reference_fees (tenant_id, release_id, payer_id, procedure_code)",
    "remittances_by_amount": "remittances (tenant_id, amount_cents)",
    "transactions_of_remittance": "transactions (tenant_id, remittance_id) WHERE remittance_id IS NOT NULL",
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    for name, columns in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {columns}")
    op.execute("CREATE UNIQUE INDEX deposits_of_remittance ON deposits (tenant_id, remittance_id) WHERE remittance_id IS NOT NULL")
    op.execute(f"REVOKE UPDATE, DELETE ON followup_history FROM {SERVICE}_api, {SERVICE}_worker")


def downgrade() -> None:
    for name in ("remittances_by_amount", "transactions_of_remittance"):
        op.execute(f"DROP INDEX {name}")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
