"""Sums of whole months beside those of days: a question by provider over a year reads a tenth of the rows."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE rollups ADD COLUMN grain smallint NOT NULL DEFAULT 0")  # 0 day, 1 day by fewer dimensions, 2 month
    op.execute("UPDATE rollups SET grain = 1 WHERE is_coarse")
    op.execute("ALTER TABLE rollups DROP CONSTRAINT rollups_pkey")
    op.execute("ALTER TABLE rollups DROP COLUMN is_coarse")
    op.execute("ALTER TABLE rollups ALTER COLUMN grain DROP DEFAULT")
    op.execute(
        """
        INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
        SELECT tenant_id, 2, measure, date_trunc('month', day)::date, 'epoch'::date, cell, sum(count), sum(amount)
        FROM rollups WHERE grain = 0 GROUP BY tenant_id, measure, date_trunc('month', day), cell
        """
    )
    op.execute("ALTER TABLE rollups ADD PRIMARY KEY (tenant_id, grain, measure, day, known_on, cell)")


def downgrade() -> None:
    op.execute("DELETE FROM rollups WHERE grain = 2")
    op.execute("ALTER TABLE rollups ADD COLUMN is_coarse boolean NOT NULL DEFAULT false")
    op.execute("UPDATE rollups SET is_coarse = true WHERE grain = 1")
    op.execute("ALTER TABLE rollups ALTER COLUMN is_coarse DROP DEFAULT")
    op.execute("ALTER TABLE rollups DROP CONSTRAINT rollups_pkey")
    op.execute("ALTER TABLE rollups DROP COLUMN grain")
    op.execute("ALTER TABLE rollups ADD PRIMARY KEY (tenant_id, is_coarse, measure, day, known_on, cell)")
