"""When it was looked last whether Recours holds evidence of a case, for the cases that somebody works on."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0012"
down_revision = "0011"

SERVICE = "appeals"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE evidence_collections (
            tenant_id text NOT NULL,
            case_id uuid NOT NULL,
            collected_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, case_id)
        )
        """
    )
    secure_tenant_table(SERVICE, "evidence_collections")
    op.execute("CREATE INDEX cases_worked_on ON cases (tenant_id, case_id) WHERE state IN ('in_review', 'gathering')")


def downgrade() -> None:
    op.execute("DROP INDEX cases_worked_on")
    op.execute("DROP TABLE evidence_collections")
