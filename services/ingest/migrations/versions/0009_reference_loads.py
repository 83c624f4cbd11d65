"""Loads of reference tables: the file as it was sent, how far its reading is, and what came of it."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0009"
down_revision = "0008"

SERVICE = "ingest"

TABLES = {
    "reference_loads": """
        tenant_id text NOT NULL,
        load_id uuid NOT NULL,
        name text NOT NULL,
        quarter text NOT NULL,
        smaller boolean NOT NULL,
        sha256 text NOT NULL,
        size_bytes bigint NOT NULL,
        status text NOT NULL CHECK (status IN ('received', 'loading', 'live', 'refused', 'failed')),
        received_at timestamptz NOT NULL,
        finished_at timestamptz,
        bytes_read bigint NOT NULL DEFAULT 0,
        rows bigint NOT NULL DEFAULT 0,
        release_id bigint,
        reason text,
        line bigint,
        attempts integer NOT NULL DEFAULT 0,
        leased_until timestamptz,
        PRIMARY KEY (tenant_id, load_id)
    """,
    "reference_load_chunks": """
        tenant_id text NOT NULL,
        load_id uuid NOT NULL,
        ordinal integer NOT NULL,
        body bytea NOT NULL,  -- zstd of up to 1 MiB; gone once the load has ended
        PRIMARY KEY (tenant_id, load_id, ordinal)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute(
        "CREATE INDEX reference_loads_that_wait ON reference_loads (tenant_id, received_at) WHERE status IN ('received', 'loading')"
    )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
