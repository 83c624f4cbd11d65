"""A row an account, so that there is something to lock before anything else is known of it."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("CREATE TABLE accounts (tenant_id text NOT NULL, claim_key uuid NOT NULL, PRIMARY KEY (tenant_id, claim_key))")
    secure_tenant_table("appeals", "accounts")


def downgrade() -> None:
    op.execute("DROP TABLE accounts")
