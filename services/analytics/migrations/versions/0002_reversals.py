"""Reversals are found without reading all of their account."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE INDEX remit_facts_reversals ON remit_facts (tenant_id, claim_key) WHERE kind = 'reversal'")


def downgrade() -> None:
    op.execute("DROP INDEX remit_facts_reversals")
