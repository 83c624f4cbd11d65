"""Letters and packets: a tenant's templates and letterheads by version, what was written, what was built."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0009"
down_revision = "0008"

SERVICE = "appeals"

TABLES = {
    "letter_templates": """
        tenant_id text NOT NULL,
        category text NOT NULL,
        level text NOT NULL,
        language text NOT NULL,
        version integer NOT NULL,  -- from 1; the template that comes with Recours is 0
        body text NOT NULL,
        note text NOT NULL,
        written_by text NOT NULL,
        written_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, category, level, language, version)
    """,
    "letterheads": """
        tenant_id text NOT NULL,
        version integer NOT NULL,
        content jsonb NOT NULL,
        logo bytea NOT NULL,  -- a PNG, or nothing
        written_by text NOT NULL,
        written_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, version)
    """,
    "letters": """
        tenant_id text NOT NULL,
        case_id uuid NOT NULL,
        version integer NOT NULL,
        category text NOT NULL,
        level text NOT NULL,
        language text NOT NULL,
        template_category text NOT NULL,
        template_level text NOT NULL,
        template_version integer NOT NULL,
        edits_version integer,  -- the version that a person changed; null where it was written from the template
        sheet jsonb NOT NULL,
        paragraphs jsonb NOT NULL,
        written_by text NOT NULL,
        written_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, case_id, version)
    """,
    "packets": """
        tenant_id text NOT NULL,
        packet_id uuid NOT NULL,  -- by what goes into it: the same letter, documents and limits are the same packet
        case_id uuid NOT NULL,
        letter_version integer NOT NULL,
        limits jsonb NOT NULL,
        state text NOT NULL,  -- waiting, ready, failed
        reason text,
        exhibit integer,  -- the one to blame
        attempts integer NOT NULL,
        leased_until timestamptz,
        files jsonb NOT NULL,
        manifest text,
        sha256 text,
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        built_at timestamptz,
        PRIMARY KEY (tenant_id, packet_id)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    for table in ("letter_templates", "letterheads", "letters"):  # versions are added, never changed
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {SERVICE}_api, {SERVICE}_worker")
    op.execute("CREATE INDEX packets_case ON packets (tenant_id, case_id, asked_at)")
    op.execute("CREATE INDEX packets_to_build ON packets (asked_at) WHERE state = 'waiting'")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
