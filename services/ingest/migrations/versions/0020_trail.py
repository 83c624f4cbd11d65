"""Where an account is can be asked for; a claim that came alone keeps its trace."""

from alembic import op

from libs.common.messaging.schema import hide_trail_v1, show_trail_v1

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    show_trail_v1("ingest")
    op.execute("ALTER TABLE claims ADD COLUMN trace_id text")  # null: it came in a file, whose trace it is


def downgrade() -> None:
    op.execute("ALTER TABLE claims DROP COLUMN trace_id")
    hide_trail_v1("ingest")
