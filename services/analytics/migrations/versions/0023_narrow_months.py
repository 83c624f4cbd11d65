"""Sums of months also by few dimensions, and an index by cells: a question over years, or through filters, reads few rows."""

from typing import Final

from alembic import op

revision = "0023"
down_revision = "0022"

_MONTHS: Final = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT tenant_id, CASE grain WHEN 1 THEN 3 ELSE grain + 30 END, measure, date_trunc('month', day::timestamp)::date, 'epoch', cell,
    sum(count), sum(amount)
FROM rollups WHERE grain = 1 OR grain BETWEEN 10 AND 16
GROUP BY tenant_id, grain, measure, date_trunc('month', day::timestamp), cell
"""

# Of the sums by all dimensions alone, which filters read: of the others a question wants all cells, or names them.
_BY_CELLS: Final = "CREATE INDEX rollups_of_cells ON rollups (tenant_id, grain, measure, cell, day) WHERE grain IN (0, 2, 27, 37)"


def upgrade() -> None:
    op.execute("ALTER TABLE rollups NO FORCE ROW LEVEL SECURITY")  # what is there is every tenant's, as in 0016
    op.execute(_MONTHS)
    op.execute(_BY_CELLS)
    op.execute("ALTER TABLE rollups FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("DROP INDEX rollups_of_cells")
    op.execute("ALTER TABLE rollups NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM rollups WHERE grain = 3 OR grain BETWEEN 40 AND 46")
    op.execute("ALTER TABLE rollups FORCE ROW LEVEL SECURITY")
