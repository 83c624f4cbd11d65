"""Data keys; what names a patient becomes bytes. What was there before is sealed by the worker, some rows at a time."""

from alembic import op

from libs.common.schema import create_data_keys_v1

revision = "0021"
down_revision = "0020"

SERVICE = "appeals"
COLUMNS = {"letters": "content", "corrected_claims": "difference", "documents": "file_name", "packets": "manifest"}
OBJECTS = {"documents": "documents", "packets": "packets"}  # the bytes beside the database, by the table that knows whose they are


def upgrade() -> None:
    create_data_keys_v1(SERVICE)
    unforced = ("key_rewrites", *COLUMNS)
    for table in unforced:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute("ALTER TABLE letters ADD COLUMN content bytea")
    op.execute("UPDATE letters SET content = convert_to(jsonb_build_array(sheet, paragraphs)::text, 'UTF8')")
    op.execute("ALTER TABLE letters ALTER COLUMN content SET NOT NULL, DROP COLUMN sheet, DROP COLUMN paragraphs")
    op.execute(f"GRANT UPDATE (content) ON letters TO {SERVICE}_worker")  # versions never change; how they are sealed does
    as_bytes = "TYPE bytea USING convert_to({0}::text, 'UTF8')"
    for table, column in COLUMNS.items():
        if table != "letters":
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} {as_bytes.format(column)}")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")  # sealed bytes cannot be compressed
    places = {f"{table}.{column}": table for table, column in COLUMNS.items()} | OBJECTS
    for place, table in places.items():
        op.execute(
            "INSERT INTO key_rewrites (tenant_id, key_id, place, begins_at)"  # noqa: S608 - our own names
            f" SELECT DISTINCT tenant_id, 1, '{place}', now() FROM {table}"
        )
    for table in unforced:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """What is sealed stays so, and nothing before this version reads it: go back only from an empty database."""
    op.execute("ALTER TABLE letters NO FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE letters ADD COLUMN sheet jsonb, ADD COLUMN paragraphs jsonb")
    op.execute(
        "UPDATE letters SET sheet = convert_from(content, 'UTF8')::jsonb -> 0,"
        " paragraphs = convert_from(content, 'UTF8')::jsonb -> 1"
    )
    op.execute("ALTER TABLE letters ALTER COLUMN sheet SET NOT NULL, ALTER COLUMN paragraphs SET NOT NULL, DROP COLUMN content")
    op.execute("ALTER TABLE letters FORCE ROW LEVEL SECURITY")
    for table, kind in {"corrected_claims": "jsonb", "documents": "text", "packets": "text"}.items():
        column = COLUMNS[table]
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} USING convert_from({column}, 'UTF8')::{kind}")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTENDED")
    op.execute("DROP TABLE key_rewrites")
    op.execute("DROP TABLE data_keys")
