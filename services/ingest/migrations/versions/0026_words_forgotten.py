"""The worker may take a note out of a follow-up's history, which only grows."""

from alembic import op

revision = "0026"
down_revision = "0025"

SERVICE = "ingest"


def upgrade() -> None:
    op.execute(f"GRANT UPDATE (changes) ON followup_history TO {SERVICE}_worker")


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE (changes) ON followup_history FROM {SERVICE}_worker")
