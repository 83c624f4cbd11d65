"""Denials in the order of their changes, for readers that follow them."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # The transaction that wrote the row last: every statement that changes a denial sets it anew. Read below the oldest running
    # transaction it is an order without gaps, which neither a sequence nor a clock gives.
    op.execute("ALTER TABLE denials ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()")
    op.execute("CREATE UNIQUE INDEX denials_changes ON denials (tenant_id, changed_xid, denial_id)")


def downgrade() -> None:
    op.execute("DROP INDEX denials_changes")
    op.execute("ALTER TABLE denials DROP COLUMN changed_xid")
