"""What risk of denial is learned from: one row a claim submitted, and one an answer of a payer."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0013"
down_revision = "0012"

SERVICE = "classifier"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE risk_claims (
            tenant_id text NOT NULL,
            claim_id uuid NOT NULL,
            claim_key uuid NOT NULL,
            submitted_on date NOT NULL,
            told bytea NOT NULL,  -- what was known before submission: services/classifier/risk/claims.py
            charge_cents bigint NOT NULL,
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (tenant_id, claim_id)
        )
        """
    )
    op.execute("CREATE INDEX risk_claims_in_order ON risk_claims (tenant_id, changed_xid, claim_id)")
    op.execute(
        """
        CREATE TABLE risk_answers (
            tenant_id text NOT NULL,
            remit_id uuid NOT NULL,
            claim_id uuid,  -- null while the claim is not known
            claim_sequence bigint NOT NULL DEFAULT 0,  -- of the event that said so after the remit
            answered_on date,  -- null while the remit is not here
            denied_cents bigint,
            category text,
            lines text,  -- the denied ones, where the payer named them: 1,3
            PRIMARY KEY (tenant_id, remit_id)
        )
        """
    )
    op.execute("CREATE INDEX risk_answers_of_claim ON risk_answers (tenant_id, claim_id) WHERE claim_id IS NOT NULL")
    for table in ("risk_claims", "risk_answers"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE risk_answers")
    op.execute("DROP TABLE risk_claims")
