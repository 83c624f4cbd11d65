"""Words that are still there are found by their age, by indexes built while others write."""

from alembic import op

from libs.common.schema import outside_of_transaction

revision = "0027"
down_revision = "0026"

NO_NOTE = '{"note": ["forgotten", "forgotten"]}'
WORDS = {
    "followup_history": f"(tenant_id, at) WHERE changes ? 'note' AND NOT changes @> '{NO_NOTE}'",
    "followups": "(tenant_id, changed_at) WHERE note <> 'forgotten' AND status = 'resolved'",
    "match_history": "(tenant_id, at) WHERE decided_by = 'person' AND why <> 'forgotten'",
    "deposits": "(tenant_id, received_at) WHERE reference NOT IN ('', 'forgotten')",
}


def upgrade() -> None:
    with outside_of_transaction():
        for table, rows in WORDS.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_words")
            op.execute(f"CREATE INDEX CONCURRENTLY {table}_words ON {table} {rows}")


def downgrade() -> None:
    for table in WORDS:
        op.execute(f"DROP INDEX {table}_words")
