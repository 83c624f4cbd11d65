"""Claims that were sent again, mended."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0005"
down_revision = "0004"

SERVICE = "appeals"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE corrected_claims (
            tenant_id text NOT NULL,
            correction_id uuid NOT NULL,  -- of the case and the corrected content: the same again is the same
            case_id uuid NOT NULL,
            state text NOT NULL,  -- sending, sent
            frequency_code text NOT NULL,
            replaces_claim_id uuid NOT NULL,
            claim_id uuid,
            difference jsonb NOT NULL,
            why text NOT NULL,
            who text NOT NULL,
            begun_at timestamptz NOT NULL,
            sent_at timestamptz,
            PRIMARY KEY (tenant_id, correction_id)
        )
        """
    )
    op.execute("CREATE INDEX corrected_claims_case ON corrected_claims (tenant_id, case_id)")
    secure_tenant_table(SERVICE, "corrected_claims")


def downgrade() -> None:
    op.execute("DROP TABLE corrected_claims")
