"""The spine, the ledger, denials and the reversals that wait for what they reverse."""

from alembic import op

from libs.common.messaging.schema import create_spine_v1, secure_tenant_table
from libs.common.schema import create_ledger_v1

revision = "0001"
down_revision = None

SERVICE = "classifier"


def upgrade() -> None:
    create_spine_v1(SERVICE)
    create_ledger_v1(SERVICE)
    op.execute(
        """
        CREATE TABLE denials (
            tenant_id text NOT NULL,
            denial_id uuid NOT NULL,
            row_id uuid NOT NULL,  -- version 7: the order in which lists show denials
            revision integer NOT NULL,
            status text NOT NULL CHECK (status IN ('active', 'retracted')),
            remit_id uuid NOT NULL,
            remittance_id uuid NOT NULL,
            claim_key uuid NOT NULL,
            claim_id uuid,
            patient_control_number text NOT NULL,
            payer_claim_control_number text NOT NULL,
            payer_id text NOT NULL,
            payer_name text NOT NULL,
            payment_on date NOT NULL,
            service_from_on date,
            charge_cents bigint NOT NULL,
            paid_cents bigint NOT NULL,
            denied_cents bigint NOT NULL,
            category text NOT NULL,
            kind text NOT NULL,
            action text NOT NULL,
            recoverable boolean NOT NULL,
            preventable boolean,
            alternative_actions text[] NOT NULL,
            core_scenario text,
            confidence double precision NOT NULL,
            explanation text NOT NULL,
            rules text[] NOT NULL,
            reasons jsonb NOT NULL,
            classified_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, denial_id)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX denials_newest ON denials (tenant_id, row_id)")
    op.execute("CREATE INDEX denials_account ON denials (tenant_id, claim_key)")
    op.execute("CREATE INDEX denials_payer ON denials (tenant_id, payer_id, row_id)")
    op.execute("CREATE INDEX denials_category ON denials (tenant_id, category, row_id)")
    op.execute(
        """
        CREATE TABLE reversals (
            tenant_id text NOT NULL,
            claim_key uuid NOT NULL,
            remit_id uuid NOT NULL,
            payer_id text NOT NULL,
            payer_claim_control_number text NOT NULL,
            charge_cents bigint NOT NULL,
            paid_cents bigint NOT NULL,
            denial_id uuid,  -- what it retracted; null while it waits, or when what it reverses was no denial
            PRIMARY KEY (tenant_id, claim_key, remit_id)
        )
        """
    )
    for table in ("denials", "reversals"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    for table in ("reversals", "denials", "ledger_adjustments", "ledger_days", "inbox", "relay_position", "outbox"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION tend_outbox")
