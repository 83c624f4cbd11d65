"""Rejections beside denials: what front doors answered to claims, and which claims were replaced."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0004"
down_revision = "0003"

SERVICE = "classifier"


def upgrade() -> None:
    op.execute("ALTER TABLE denials ADD COLUMN acknowledgement_id uuid")
    op.execute(
        """
        CREATE TABLE claim_answers (
            tenant_id text NOT NULL,
            acknowledgement_id uuid NOT NULL,
            claim_id uuid,  -- null while the claim is not known
            acknowledged_on date NOT NULL,
            source text NOT NULL,
            verdict text NOT NULL CHECK (verdict IN ('accepted', 'rejected')),
            PRIMARY KEY (tenant_id, acknowledgement_id)
        )
        """
    )
    op.execute("CREATE INDEX claim_answers_of_claim ON claim_answers (tenant_id, claim_id) WHERE claim_id IS NOT NULL")
    op.execute("CREATE TABLE replaced_claims (tenant_id text NOT NULL, claim_id uuid NOT NULL, PRIMARY KEY (tenant_id, claim_id))")
    for table in ("claim_answers", "replaced_claims"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE replaced_claims")
    op.execute("DROP TABLE claim_answers")
    op.execute("ALTER TABLE denials DROP COLUMN acknowledgement_id")
