"""The day on which a claim was sent, as its file says: an answer is to a claim that was sent before it."""

from alembic import op

revision = "0010"
down_revision = "0009"

SERVICE = "ingest"


def upgrade() -> None:
    op.execute("ALTER TABLE claims ADD COLUMN sent_on date")
    op.execute("ALTER TABLE claims NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute("UPDATE claims SET sent_on = (submitted_at AT TIME ZONE 'UTC')::date")
    op.execute("ALTER TABLE claims FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE claims ALTER COLUMN sent_on SET NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE claims DROP COLUMN sent_on")
