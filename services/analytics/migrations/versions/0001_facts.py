"""The spine, the ledger, and facts: one row a remit, one a denial."""

from alembic import op

from libs.common.messaging.schema import create_spine_v1, secure_tenant_table
from libs.common.schema import create_ledger_v1

revision = "0001"
down_revision = None

SERVICE = "analytics"


def upgrade() -> None:
    create_spine_v1(SERVICE)
    create_ledger_v1(SERVICE)
    op.execute(
        """
        CREATE TABLE remit_facts (
            tenant_id text NOT NULL,
            claim_key uuid NOT NULL,
            remit_id uuid NOT NULL,
            payer_id text NOT NULL,
            payer_name text NOT NULL,
            payer_claim_control_number text NOT NULL,
            payment_on date NOT NULL,
            kind text NOT NULL CHECK (kind IN ('adjudication', 'reversal', 'predetermination')),
            charge_cents bigint NOT NULL,
            paid_cents bigint NOT NULL,
            undone_by uuid,  -- of an adjudication: its reversal; of a reversal: what it undid
            PRIMARY KEY (tenant_id, claim_key, remit_id)
        )
        """
    )
    op.execute("CREATE INDEX remit_facts_day ON remit_facts (tenant_id, payment_on)")
    op.execute(
        """
        CREATE TABLE denial_facts (
            tenant_id text NOT NULL,
            denial_id uuid NOT NULL,
            remit_id uuid NOT NULL,
            revision integer NOT NULL,
            active boolean NOT NULL,
            payer_id text NOT NULL,
            payer_name text NOT NULL,
            payment_on date NOT NULL,
            category text NOT NULL,
            denied_cents bigint NOT NULL,
            PRIMARY KEY (tenant_id, denial_id)
        )
        """
    )
    op.execute("CREATE INDEX denial_facts_day ON denial_facts (tenant_id, payment_on)")
    for table in ("remit_facts", "denial_facts"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    for table in ("denial_facts", "remit_facts", "ledger_adjustments", "ledger_days", "inbox", "relay_position", "outbox"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION tend_outbox")
