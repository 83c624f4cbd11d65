"""SQL of exports: sums in order, read piece by piece."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics.facts.measures import MEASURES, Grain
from services.analytics.kpis import Sums

_ROWS: Final = 2_000
# Payers in the order of their code points, as Python has it.
_BY_MONTH: Final = f"""
SELECT date_trunc('month', day::timestamp)::date::text AS month, payer, sum(count)::bigint AS count, sum(amount)::bigint AS amount
FROM rollups JOIN cells USING (tenant_id, cell)
WHERE tenant_id = $1 AND grain = {Grain.COARSE} AND measure = $2 AND ($3::date IS NULL OR day >= $3)
    AND ($4::date IS NULL OR day <= $4) AND known_on <= $5
GROUP BY date_trunc('month', day::timestamp), payer HAVING sum(count) <> 0 OR sum(amount) <> 0
ORDER BY date_trunc('month', day::timestamp), payer COLLATE "C"
"""  # noqa: S608 - numbers are ours


async def by_month(
    tx: AsyncConnection, tenant_id: str, measure: str, first: date | None, last: date | None, as_of: date
) -> AsyncIterator[tuple[tuple[str, str], Sums]]:
    """Yield ((first day of the month, payer), sums) of a measure in that order, however many there are."""
    cursor = await (await driver(tx)).cursor(_BY_MONTH, tenant_id, MEASURES[measure][0], first, last, as_of)
    while rows := await cursor.fetch(_ROWS):
        for row in rows:
            yield (row["month"], row["payer"]), (row["count"], row["amount"])
