"""Messages about a case, guest links and what they show, and the log of disclosures, which only grows."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0007"
down_revision = "0006"

SERVICE = "appeals"

TABLES = {
    "guest_links": """
        tenant_id text NOT NULL,
        link_id uuid NOT NULL,
        case_id uuid NOT NULL,
        token_sha256 text NOT NULL,  -- the token itself is kept nowhere
        name text NOT NULL,
        role text NOT NULL,
        subject text NOT NULL,
        language text NOT NULL,
        may_answer boolean NOT NULL,
        may_upload boolean NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        PRIMARY KEY (tenant_id, link_id)
    """,
    "guest_shares": """
        tenant_id text NOT NULL,
        link_id uuid NOT NULL,
        item_id uuid NOT NULL,
        kind text NOT NULL,  -- document, message
        shared_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, link_id, item_id)
    """,
    "case_messages": """
        tenant_id text NOT NULL,
        message_id uuid NOT NULL,
        case_id uuid NOT NULL,
        link_id uuid,  -- of a guest's
        who text NOT NULL,
        text text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, message_id)
    """,
    "disclosures": """
        tenant_id text NOT NULL,
        row_id uuid NOT NULL,
        case_id uuid NOT NULL,
        link_id uuid NOT NULL,
        name text NOT NULL,
        what text NOT NULL,
        item_id uuid,
        size_bytes bigint NOT NULL,
        who text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, row_id)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute(f"REVOKE UPDATE, DELETE ON disclosures, case_messages FROM {SERVICE}_api, {SERVICE}_worker")
    op.execute("CREATE UNIQUE INDEX guest_links_token ON guest_links (tenant_id, token_sha256)")
    op.execute("CREATE INDEX guest_links_case ON guest_links (tenant_id, case_id)")
    op.execute("CREATE INDEX case_messages_case ON case_messages (tenant_id, case_id, message_id)")
    op.execute("CREATE INDEX disclosures_case ON disclosures (tenant_id, case_id, row_id)")
    op.execute("CREATE INDEX disclosures_link ON disclosures (tenant_id, link_id)")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
