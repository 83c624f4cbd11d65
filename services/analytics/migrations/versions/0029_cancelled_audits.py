"""An audit can be cancelled: its sample is reviewed no further, and says nothing."""

from alembic import op

revision = "0029"
down_revision = "0028"

_STATES = "'drawing', 'reviewing', 'done', 'failed'"


def upgrade() -> None:
    _allow(f"{_STATES}, 'cancelled'")


def downgrade() -> None:
    op.execute("UPDATE audits SET state = 'failed', reason = 'cancelled' WHERE state = 'cancelled'")
    _allow(_STATES)


def _allow(states: str) -> None:
    op.execute("ALTER TABLE audits DROP CONSTRAINT audits_state_check")
    # Not validated: rows that are there met the narrower one, and nobody waits while they are read again.
    op.execute(f"ALTER TABLE audits ADD CONSTRAINT audits_state_check CHECK (state IN ({states})) NOT VALID")
