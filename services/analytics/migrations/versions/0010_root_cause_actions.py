"""What is done about root causes, and by whom."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0010"
down_revision = "0009"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE root_cause_actions (
            tenant_id text NOT NULL,
            action_id uuid NOT NULL,
            root_cause_id text NOT NULL,
            state text NOT NULL CHECK (state IN ('planned', 'started', 'done', 'cancelled')),
            owner text NOT NULL,
            due_on date NOT NULL,
            change text NOT NULL,
            expected_rate double precision,
            began_on date,
            effective_on date,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            history text NOT NULL,  -- JSON: each step, by whom and when; it only grows
            PRIMARY KEY (tenant_id, action_id)
        )
        """
    )
    op.execute("CREATE INDEX root_cause_actions_cause ON root_cause_actions (tenant_id, root_cause_id)")
    secure_tenant_table(SERVICE, "root_cause_actions")


def downgrade() -> None:
    op.execute("DROP TABLE root_cause_actions")
