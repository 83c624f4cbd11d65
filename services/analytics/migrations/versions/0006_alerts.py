"""Alerts: shifts of a payer's refusals, with their life; and how far each payer's charts were looked at."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0006"
down_revision = "0005"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE alerts (
            tenant_id text NOT NULL,
            alert_id uuid NOT NULL,
            payer_id text NOT NULL,
            category text NOT NULL,  -- empty: all refusals
            status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
            began_on date NOT NULL,
            signalled_on date NOT NULL,
            last_on date NOT NULL,
            usual_rate double precision NOT NULL,
            claims bigint NOT NULL,
            denied bigint NOT NULL,
            expected_milli bigint NOT NULL,
            refused_cents bigint NOT NULL,
            opened_at timestamptz NOT NULL,
            acknowledged_at timestamptz,
            acknowledged_by text,
            resolved_at timestamptz,
            resolved_by text,
            resolution text CHECK (resolution IN ('back', 'new_normal', 'fixed', 'false_alarm')),
            ended_on date,
            version integer NOT NULL,
            PRIMARY KEY (tenant_id, alert_id),
            CHECK ((status = 'resolved') = (resolution IS NOT NULL AND ended_on IS NOT NULL AND resolved_at IS NOT NULL))
        )
        """
    )
    # Two workers that see one shift at once cannot both tell of it.
    op.execute("CREATE UNIQUE INDEX alerts_standing ON alerts (tenant_id, payer_id, category) WHERE status <> 'resolved'")
    op.execute("CREATE INDEX alerts_payer ON alerts (tenant_id, payer_id, alert_id)")
    op.execute(
        """
        CREATE TABLE alert_steps (
            tenant_id text NOT NULL,
            step_id uuid NOT NULL,
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            alert_id uuid NOT NULL,
            what text NOT NULL CHECK (what IN ('opened', 'acknowledged', 'resolved')),
            who text NOT NULL,
            at timestamptz NOT NULL,
            note text,
            after bytea NOT NULL,  -- JSON: the alert as it was then
            PRIMARY KEY (tenant_id, step_id)
        )
        """
    )
    op.execute("CREATE INDEX alert_steps_changes ON alert_steps (tenant_id, changed_xid, step_id)")
    op.execute("CREATE INDEX alert_steps_alert ON alert_steps (tenant_id, alert_id, step_id)")
    op.execute(
        """
        CREATE TABLE alert_marks (
            tenant_id text NOT NULL,
            payer_id text NOT NULL,
            mark text NOT NULL,  -- of the sums that were looked at
            looked_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, payer_id)
        )
        """
    )
    for table in ("alerts", "alert_steps", "alert_marks"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE alert_marks, alert_steps, alerts")
