"""The spine, the ledger, cases and their history."""

from alembic import op

from libs.common.messaging.schema import create_spine_v1, secure_tenant_table
from libs.common.schema import create_ledger_v1

revision = "0001"
down_revision = None

SERVICE = "appeals"


def upgrade() -> None:
    create_spine_v1(SERVICE)
    create_ledger_v1(SERVICE)
    op.execute(
        """
        CREATE TABLE cases (
            tenant_id text NOT NULL,
            case_id uuid NOT NULL,
            row_id uuid NOT NULL,  -- version 7: the order in which lists show cases
            state text NOT NULL,
            version integer NOT NULL,
            denial_id uuid NOT NULL,
            denial_revision integer NOT NULL,
            remit_id uuid NOT NULL,
            claim_key uuid NOT NULL,
            patient_control_number text NOT NULL,
            payer_claim_control_number text NOT NULL,
            payer_id text NOT NULL,
            payer_name text NOT NULL,
            payment_on date NOT NULL,
            category text NOT NULL,
            action text NOT NULL,
            denied_cents bigint NOT NULL,
            explanation text NOT NULL,
            reasons jsonb NOT NULL,
            opened_at timestamptz NOT NULL,
            changed_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, case_id)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX cases_newest ON cases (tenant_id, row_id)")
    op.execute("CREATE INDEX cases_account ON cases (tenant_id, claim_key)")
    op.execute("CREATE INDEX cases_state ON cases (tenant_id, state, row_id)")
    op.execute(
        """
        CREATE TABLE case_history (
            tenant_id text NOT NULL,
            case_id uuid NOT NULL,
            version integer NOT NULL,
            state text NOT NULL,
            why text NOT NULL,
            who text NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, case_id, version)
        )
        """
    )
    for table in ("cases", "case_history"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    for table in ("case_history", "cases", "ledger_adjustments", "ledger_days", "inbox", "relay_position", "outbox"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION tend_outbox")
