"""Sessions of the dashboard that were signed out before their time."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0017"
down_revision = "0016"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE ended_sessions (
            tenant_id text NOT NULL,
            session_id text NOT NULL,
            ends_at timestamptz NOT NULL,  -- from then on it would open nothing anyway
            PRIMARY KEY (tenant_id, session_id)
        )
        """
    )
    secure_tenant_table(SERVICE, "ended_sessions")


def downgrade() -> None:
    op.execute("DROP TABLE ended_sessions")
