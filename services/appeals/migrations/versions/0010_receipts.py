"""When a notice really came, where somebody has evidence of it; payers are counted from the index alone."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("ALTER TABLE worklist ADD COLUMN received_on date")
    op.execute("DROP INDEX worklist_by_payer")
    op.execute(
        "CREATE INDEX worklist_by_payer ON worklist (tenant_id, payer_id, deadline_is) INCLUDE (amount_cents) WHERE place <> 'away'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX worklist_by_payer")
    op.execute("CREATE INDEX worklist_by_payer ON worklist (tenant_id, payer_id, deadline_is) WHERE place <> 'away'")
    op.execute("ALTER TABLE worklist DROP COLUMN received_on")
