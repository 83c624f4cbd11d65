"""How denials ended, payments that may have ended them, and tables of odds made from it; answers kept by Idempotency-Key."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table
from libs.common.schema import create_idempotency_v1

revision = "0012"
down_revision = "0011"

SERVICE = "classifier"
_COLUMNS = {
    "claim_type": "text",
    "overturn_probability": "double precision",
    "expected_value_cents": "bigint",
    "odds_version": "text",
}
_TABLES = ("outcomes", "later_payments", "odds_tables", "odds_due")


def upgrade() -> None:
    for column, kind in _COLUMNS.items():
        op.execute(f"ALTER TABLE denials ADD COLUMN {column} {kind}")
    # One row a decision: of an appeal as it was told, or (`source` remit) as read from the next adjudication of the claim.
    op.execute(
        """
        CREATE TABLE outcomes (
            tenant_id text NOT NULL,
            outcome_id uuid NOT NULL,
            source text NOT NULL CHECK (source IN ('appeal', 'remit')),
            revision integer NOT NULL,
            denial_id uuid NOT NULL,
            action text NOT NULL,  -- what was sent; `none`: nothing that we know of
            level text,
            ending text NOT NULL,
            disputed_cents bigint NOT NULL,
            recovered_cents bigint NOT NULL,
            decided_on date NOT NULL,
            subject jsonb NOT NULL,  -- the denial as it stood when it was decided
            circumstances jsonb NOT NULL,
            PRIMARY KEY (tenant_id, outcome_id)
        )
        """
    )
    op.execute("CREATE INDEX outcomes_of_denial ON outcomes (tenant_id, denial_id)")
    op.execute("CREATE INDEX outcomes_newest ON outcomes (tenant_id, decided_on)")
    # Remits that refuse nothing, on accounts that have a denial.
    op.execute(
        """
        CREATE TABLE later_payments (
            tenant_id text NOT NULL,
            claim_key uuid NOT NULL,
            remit_id uuid NOT NULL,
            payer_id text NOT NULL,
            payer_claim_control_number text NOT NULL,
            payment_on date NOT NULL,
            charge_cents bigint NOT NULL,
            paid_cents bigint NOT NULL,
            service_from_on date,
            PRIMARY KEY (tenant_id, claim_key, remit_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE odds_tables (
            tenant_id text NOT NULL,
            version integer NOT NULL,
            made_at timestamptz NOT NULL,
            content bytea NOT NULL,
            report jsonb NOT NULL,
            PRIMARY KEY (tenant_id, version)
        )
        """
    )
    # What has changed since a tenant's last table, counted where outcomes are written.
    op.execute(
        """
        CREATE TABLE odds_due (
            tenant_id text PRIMARY KEY,
            changes bigint NOT NULL,
            changes_seen bigint NOT NULL DEFAULT 0,
            outcomes bigint NOT NULL DEFAULT 0,
            made_at timestamptz
        )
        """
    )
    for table in _TABLES:
        secure_tenant_table(SERVICE, table)
    create_idempotency_v1(SERVICE)


def downgrade() -> None:
    op.execute("DROP TABLE idempotency_keys")
    for table in _TABLES:
        op.execute(f"DROP TABLE {table}")
    for column in _COLUMNS:
        op.execute(f"ALTER TABLE denials DROP COLUMN {column}")
