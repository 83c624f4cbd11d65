"""Calls, letters, portal messages about a case with what the payer promised, and what is to be done about a missed promise."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0013"
down_revision = "0012"

SERVICE = "appeals"

TABLES = {
    "correspondence": """
        tenant_id text NOT NULL,
        entry_id uuid NOT NULL,
        case_id uuid NOT NULL,
        version integer NOT NULL,
        kind text NOT NULL,
        direction text NOT NULL,
        party text NOT NULL,
        reference_number text,
        said text NOT NULL,
        at timestamptz NOT NULL,
        promise text,
        promised_on date,
        promise_is text,  -- open, missed, fulfilled, given_up
        look_at timestamptz,  -- from when on it is missed, at the payer's place
        missed_at timestamptz,
        ended_at timestamptz,
        ended_by text,
        logged_at timestamptz NOT NULL,
        logged_by text NOT NULL,
        PRIMARY KEY (tenant_id, entry_id)
    """,
    "case_tasks": """
        tenant_id text NOT NULL,
        case_id uuid NOT NULL,
        task text NOT NULL,
        about_id uuid NOT NULL,
        raised_at timestamptz NOT NULL,
        done_at timestamptz,
        PRIMARY KEY (tenant_id, case_id, task, about_id)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute("CREATE INDEX correspondence_case ON correspondence (tenant_id, case_id, entry_id)")
    op.execute("CREATE INDEX correspondence_promised ON correspondence (look_at) WHERE promise_is = 'open'")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
