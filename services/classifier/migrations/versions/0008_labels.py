"""Labels of billers and audits beside denials."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0008"
down_revision = "0007"

SERVICE = "classifier"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE labels (
            tenant_id text NOT NULL,
            denial_id uuid NOT NULL,
            source text NOT NULL CHECK (source IN ('audit', 'biller')),
            category text NOT NULL,
            action text NOT NULL,
            note text NOT NULL,
            labelled_at timestamptz NOT NULL,
            row_id uuid NOT NULL,  -- version 7: the order of lists
            PRIMARY KEY (tenant_id, denial_id, source)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX labels_newest ON labels (tenant_id, row_id)")
    secure_tenant_table(SERVICE, "labels")


def downgrade() -> None:
    op.execute("DROP TABLE labels")
