"""What payers ask for before they decide, and the day by which a case must answer."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0016"
down_revision = "0015"

SERVICE = "appeals"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE records_requests (
            tenant_id text NOT NULL,
            request_id uuid NOT NULL,
            claim_key uuid NOT NULL,
            payer_id text NOT NULL,
            payer_name text NOT NULL,
            trace text NOT NULL,
            payer_claim_control_number text NOT NULL,
            codes jsonb NOT NULL,
            received_at timestamptz NOT NULL,
            due_on date,
            claim_id uuid,
            case_id uuid,  -- NULL: its case is not here yet
            attached_at timestamptz,
            answered_by uuid,  -- the filing
            PRIMARY KEY (tenant_id, request_id)
        )
        """
    )
    op.execute("CREATE INDEX records_requests_waiting ON records_requests (tenant_id, claim_key) WHERE case_id IS NULL")
    op.execute("CREATE INDEX records_requests_of_case ON records_requests (tenant_id, case_id) WHERE case_id IS NOT NULL")
    secure_tenant_table(SERVICE, "records_requests")
    op.execute("ALTER TABLE worklist ADD COLUMN requested_by_on date")


def downgrade() -> None:
    op.execute("ALTER TABLE worklist DROP COLUMN requested_by_on")
    op.execute("DROP TABLE records_requests")
