"""Where an account is can be asked for; a webhook is told in the trace of what happened."""

from alembic import op

from libs.common.messaging.schema import hide_trail_v1, show_trail_v1

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    show_trail_v1("analytics")
    op.execute("ALTER TABLE webhook_messages ADD COLUMN event_id uuid, ADD COLUMN traceparent text")  # null: no event told it
    op.execute("CREATE INDEX webhook_messages_event ON webhook_messages (event_id) WHERE event_id IS NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE webhook_messages DROP COLUMN event_id, DROP COLUMN traceparent")
    hide_trail_v1("analytics")
