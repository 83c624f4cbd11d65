"""Notes of alerts that are still there are found by their age, by an index built while others write."""

from alembic import op

from libs.common.schema import outside_of_transaction

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    with outside_of_transaction():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS alert_steps_words")
        op.execute("CREATE INDEX CONCURRENTLY alert_steps_words ON alert_steps (tenant_id, at) WHERE note <> 'forgotten'")


def downgrade() -> None:
    op.execute("DROP INDEX alert_steps_words")
