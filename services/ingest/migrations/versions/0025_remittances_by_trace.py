"""A payment's remittances are found by its trace number: who asked for one had all of the tenant's looked at."""

from alembic import op

from libs.common.schema import outside_of_transaction

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    with outside_of_transaction():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS remittances_by_trace")
        op.execute("CREATE INDEX CONCURRENTLY remittances_by_trace ON remittances (tenant_id, trace_number, row_id)")


def downgrade() -> None:
    op.execute("DROP INDEX remittances_by_trace")
