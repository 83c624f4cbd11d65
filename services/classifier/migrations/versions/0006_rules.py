"""Rules of a tenant by version, deadlines of a denial, and what each was judged from, so that it can be judged again."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0006"
down_revision = "0005"

SERVICE = "classifier"
_COLUMNS = {"appeal_by": "jsonb", "correct_by": "jsonb", "due_on": "date", "rule_version": "text", "adjudicated": "bytea"}


def upgrade() -> None:
    for column, kind in _COLUMNS.items():
        op.execute(f"ALTER TABLE denials ADD COLUMN {column} {kind}")
    op.execute("CREATE INDEX denials_due ON denials (tenant_id, due_on) WHERE due_on IS NOT NULL")
    op.execute(
        """
        CREATE TABLE rule_sets (
            tenant_id text NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            rules jsonb NOT NULL,
            note text NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, version)
        )
        """
    )
    # The newest row says which version is in force; a version can be put in force again.
    op.execute(
        """
        CREATE TABLE rule_publications (
            tenant_id text NOT NULL,
            ordinal integer NOT NULL,
            version integer NOT NULL,
            published_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, ordinal)
        )
        """
    )
    for table in ("rule_sets", "rule_publications"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE rule_publications")
    op.execute("DROP TABLE rule_sets")
    op.execute("DROP INDEX denials_due")
    for column in _COLUMNS:
        op.execute(f"ALTER TABLE denials DROP COLUMN {column}")
