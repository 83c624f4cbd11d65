"""Data keys; a remit's segments become bytes. What was there before is sealed by the worker, some rows at a time."""

from alembic import op

from libs.common.schema import create_data_keys_v1

revision = "0016"
down_revision = "0015"

SERVICE = "ingest"
# Sealed bytes cannot be compressed: they are compressed before.
COLUMNS = {"interchange_chunks": "body", "claims": "content", "remits": "segments", "sandbox_letters": "body"}


def upgrade() -> None:
    create_data_keys_v1(SERVICE)
    op.execute("ALTER TABLE remits ALTER COLUMN segments TYPE bytea USING convert_to(segments, 'UTF8')")
    for table, column in COLUMNS.items():
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute("ALTER TABLE key_rewrites NO FORCE ROW LEVEL SECURITY")
    for table, column in COLUMNS.items():
        op.execute(
            "INSERT INTO key_rewrites (tenant_id, key_id, place, begins_at)"  # noqa: S608 - our own names
            f" SELECT DISTINCT tenant_id, 1, '{table}.{column}', now() FROM {table}"
        )
    for table in (*COLUMNS, "key_rewrites"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """What is sealed stays so, and nothing before this version reads it: go back only from an empty database."""
    for table, column in COLUMNS.items():
        storage = "EXTERNAL" if table == "interchange_chunks" else "EXTENDED"
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE {storage}")
    op.execute("ALTER TABLE remits ALTER COLUMN segments TYPE text USING convert_from(segments, 'UTF8')")
    op.execute("DROP TABLE key_rewrites")
    op.execute("DROP TABLE data_keys")
