"""Sums by one dimension each, and what is unanswered by the day on which it changed: questions read few rows of them."""

import hashlib
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_DIMENSIONS: Final = 6
# What the cells of each measure tell apart, by ids: claims four dimensions, denials five, appeals all six.
_TOLD_APART: Final = {
    4: (1, 2, 3, 4, 5, 6, 9, 11, 12, 13),
    5: (7, 8, 10, 14, 15, 16, 17, 18, 27, 29, 30),
    6: (19, 20, 21, 22, 23, 24, 25, 26, 28),
}
_OUTSTANDING: Final = 5
_NARROW: Final = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT rollups.tenant_id, 10 + place, measure, day, known_on, narrow, sum(count), sum(amount)
FROM rollups JOIN narrow_cells ON narrow_cells.tenant_id = rollups.tenant_id AND narrow_cells.cell = rollups.cell
WHERE grain = 0 AND measure = ANY(:measures) AND place <= :told_apart
GROUP BY rollups.tenant_id, place, measure, day, known_on, narrow
"""
_BALANCE: Final = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT tenant_id, CASE grain WHEN 0 THEN 27 ELSE grain + 10 END, measure, known_on, 'epoch', cell, sum(count), sum(amount)
FROM rollups WHERE (grain = 0 OR grain BETWEEN 10 AND 16) AND measure = :measure GROUP BY tenant_id, grain, measure, known_on, cell
"""
_BALANCE_MONTH: Final = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT tenant_id, grain + 10, measure, date_trunc('month', day::timestamp)::date, 'epoch', cell, sum(count), sum(amount)
FROM rollups WHERE grain BETWEEN 20 AND 27 GROUP BY tenant_id, grain, measure, date_trunc('month', day::timestamp), cell
"""


def upgrade() -> None:
    connection = op.get_bind()
    for table in ("rollups", "cells"):  # what is there is every tenant's, and the owner is bound by their policies
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    columns = "tenant_id, cell, payer, facility, provider, service_group, category, level"
    there = connection.execute(sa.text(f"SELECT {columns} FROM cells")).all()  # noqa: S608 - ours
    narrow = [
        {"tenant_id": tenant_id, "cell": cell, "place": place, "narrow": _cell_id(told), "told": told}
        for tenant_id, cell, *values in there
        for place in range(_DIMENSIONS + 1)
        for told in [[value if place == at else "" for at, value in enumerate(values, 1)]]
    ]
    op.execute("CREATE TEMP TABLE narrow_cells (tenant_id text, cell bigint, place smallint, narrow bigint) ON COMMIT DROP")
    if narrow:
        told = sa.text("INSERT INTO narrow_cells VALUES (:tenant_id, :cell, :place, :narrow)")
        connection.execute(told, narrow)
        named = sa.text(
            "INSERT INTO cells VALUES (:tenant_id, :narrow, :told_0, :told_1, :told_2, :told_3, :told_4, :told_5)"
            " ON CONFLICT DO NOTHING"
        )
        for each in narrow:
            each |= {f"told_{at}": value for at, value in enumerate(each["told"])}
        connection.execute(named, list({(each["tenant_id"], each["narrow"]): each for each in narrow}.values()))
    for told_apart, measures in _TOLD_APART.items():
        connection.execute(sa.text(_NARROW), {"measures": list(measures), "told_apart": told_apart})
    connection.execute(sa.text(_BALANCE), {"measure": _OUTSTANDING})
    op.execute(_BALANCE_MONTH)
    for table in ("rollups", "cells"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _cell_id(told: list[str]) -> int:
    """Return a cell's number: services/analytics/facts/measures.py, of which it is a copy that stays as it is."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(told).encode(), digest_size=8).digest(), "big", signed=True)


def downgrade() -> None:
    op.execute("ALTER TABLE rollups NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM rollups WHERE grain >= 10")
    op.execute("ALTER TABLE rollups FORCE ROW LEVEL SECURITY")
