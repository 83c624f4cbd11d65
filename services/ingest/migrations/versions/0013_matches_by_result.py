"""Remits are listed by result through an index without those that are matched: nearly all are, so the newest are found anyway."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("DROP INDEX matches_by_result")
    op.execute(
        "CREATE INDEX matches_by_result ON matches (tenant_id, result, remit_row_id) WHERE result IN ('ambiguous', 'unmatched')"
    )


def downgrade() -> None:
    op.execute("DROP INDEX matches_by_result")
    op.execute("CREATE INDEX matches_by_result ON matches (tenant_id, result, remit_row_id)")
