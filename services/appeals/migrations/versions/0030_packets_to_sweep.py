"""Packets whose bytes are still to be taken away are found by an index, built while others write."""

from alembic import op

from libs.common.schema import outside_of_transaction

revision = "0030"
down_revision = "0029"

TO_SWEEP = "forgotten_at IS NOT NULL AND swept_at IS NULL"


def upgrade() -> None:
    with outside_of_transaction():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS packets_to_sweep")
        op.execute(f"CREATE INDEX CONCURRENTLY packets_to_sweep ON packets (forgotten_at) WHERE {TO_SWEEP}")


def downgrade() -> None:
    op.execute("DROP INDEX packets_to_sweep")
