"""Notes that are still there are found by their age, by an index built while others write."""

from alembic import op

from libs.common.schema import outside_of_transaction

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    with outside_of_transaction():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS labels_words")
        op.execute("CREATE INDEX CONCURRENTLY labels_words ON labels (tenant_id, labelled_at) WHERE note NOT IN ('', 'forgotten')")


def downgrade() -> None:
    op.execute("DROP INDEX labels_words")
