"""Schedules of reports, and the files that were made of them."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0013"
down_revision = "0012"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE report_schedules (
            tenant_id text NOT NULL,
            schedule_id uuid NOT NULL,
            what text NOT NULL,
            format text NOT NULL,
            cadence text NOT NULL CHECK (cadence IN ('weekly', 'monthly', 'quarterly')),
            next_on date NOT NULL,  -- the first day after the period of the next report, which is made on it
            created_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, schedule_id)
        )
        """
    )
    op.execute("CREATE INDEX report_schedules_due ON report_schedules (next_on)")
    op.execute(
        """
        CREATE TABLE reports (
            tenant_id text NOT NULL,
            report_id uuid NOT NULL,
            schedule_id uuid NOT NULL,
            what text NOT NULL,
            format text NOT NULL,
            first_on date NOT NULL,
            last_on date NOT NULL,
            size_bytes bigint,  -- null: larger than what is kept
            made_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, report_id),
            UNIQUE (tenant_id, schedule_id, last_on),
            FOREIGN KEY (tenant_id, schedule_id) REFERENCES report_schedules ON DELETE CASCADE
        )
        """
    )
    op.execute(
        """
        CREATE TABLE report_pieces (
            tenant_id text NOT NULL,
            report_id uuid NOT NULL,
            place integer NOT NULL,  -- 0, 1, 2, ... in the file
            piece bytea NOT NULL,
            PRIMARY KEY (tenant_id, report_id, place),
            FOREIGN KEY (tenant_id, report_id) REFERENCES reports ON DELETE CASCADE
        )
        """
    )
    for table in ("report_schedules", "reports", "report_pieces"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE report_pieces, reports, report_schedules")
