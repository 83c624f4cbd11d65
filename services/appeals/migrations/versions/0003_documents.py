"""Documents of cases, the bytes that they share, and their history, which only grows."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0003"
down_revision = "0002"

SERVICE = "appeals"

TABLES = {
    # `key` is where the bytes lie; they were there before this row, and go after it.
    "document_blobs": """
        tenant_id text NOT NULL,
        sha256 text NOT NULL,
        key text NOT NULL,
        size_bytes bigint NOT NULL,
        touched_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, sha256)
    """,
    "documents": """
        tenant_id text NOT NULL,
        document_id uuid NOT NULL,
        case_id uuid NOT NULL,
        kind text NOT NULL,
        file_name text NOT NULL,
        media_type text NOT NULL,
        page_count integer,
        sha256 text NOT NULL,
        size_bytes bigint NOT NULL,
        state text NOT NULL,  -- current, superseded, deleted
        place integer NOT NULL,  -- the order of exhibits
        origin text NOT NULL,  -- upload, guest, recours
        replaces_document_id uuid,
        added_by text NOT NULL,
        added_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, document_id)
    """,
    "document_history": """
        tenant_id text NOT NULL,
        row_id uuid NOT NULL,
        case_id uuid NOT NULL,
        document_id uuid NOT NULL,
        what text NOT NULL,
        who text NOT NULL,
        why text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, row_id)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute(f"REVOKE UPDATE, DELETE ON document_history FROM {SERVICE}_api, {SERVICE}_worker")
    op.execute("CREATE INDEX document_blobs_key ON document_blobs (key)")
    op.execute("CREATE INDEX documents_case ON documents (tenant_id, case_id, state, place)")
    op.execute("CREATE INDEX documents_bytes ON documents (tenant_id, sha256) WHERE state <> 'deleted'")
    op.execute("CREATE UNIQUE INDEX documents_once ON documents (tenant_id, case_id, sha256) WHERE state = 'current'")
    op.execute("CREATE INDEX document_history_document ON document_history (tenant_id, document_id, row_id)")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
