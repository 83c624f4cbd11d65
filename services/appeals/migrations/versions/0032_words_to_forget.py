"""Words that are still there are found by their age, by indexes built while others write."""

from alembic import op

from libs.common.schema import outside_of_transaction

revision = "0032"
down_revision = "0031"

WORDS = {
    "case_comments": "(tenant_id, at) WHERE forgotten_at IS NULL",
    "case_messages": "(tenant_id, at) WHERE forgotten_at IS NULL",
    "correspondence": "(tenant_id, logged_at) WHERE forgotten_at IS NULL",
    "case_history": "(tenant_id, at) WHERE who <> 'recours' AND why <> 'forgotten'",
    "document_history": "(tenant_id, at) WHERE who <> 'recours' AND why NOT IN ('', 'forgotten')",
    "evidence_waivers": "(tenant_id, at) WHERE reason <> 'forgotten'",
    "filings": "(tenant_id, filed_at) WHERE good_cause <> 'forgotten'",
}


def upgrade() -> None:
    with outside_of_transaction():
        for table, rows in WORDS.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_words")
            op.execute(f"CREATE INDEX CONCURRENTLY {table}_words ON {table} {rows}")


def downgrade() -> None:
    for table in WORDS:
        op.execute(f"DROP INDEX {table}_words")
