"""Changes of payers' rules in the order of their transactions, for readers that follow them."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE payer_rule_versions ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()")
    op.execute("DROP INDEX payer_rules_changes")
    op.execute("CREATE UNIQUE INDEX payer_rules_changes ON payer_rule_versions (tenant_id, changed_xid, row_id)")


def downgrade() -> None:
    op.execute("DROP INDEX payer_rules_changes")
    op.execute("CREATE UNIQUE INDEX payer_rules_changes ON payer_rule_versions (tenant_id, row_id)")
    op.execute("ALTER TABLE payer_rule_versions DROP COLUMN changed_xid")
