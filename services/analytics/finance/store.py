"""SQL of what tenants tell of their money; nothing here commits. Nothing is overwritten: what was known on a day stays known."""

from datetime import date, datetime
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver

Name = Literal["net_revenue", "rework_cost"]
ALWAYS: Final = date(1970, 1, 1)  # the month of what has none


class Told(Struct, frozen=True):
    month: date
    cents: int
    told_at: datetime


_NEWEST: Final = """
SELECT DISTINCT ON (month) month, cents, told_at FROM told_amounts
WHERE tenant_id = $1 AND name = $2 AND ($3::date IS NULL OR (told_at AT TIME ZONE 'UTC')::date <= $3)
ORDER BY month, told_at DESC
"""
_TELL: Final = """
INSERT INTO told_amounts (tenant_id, name, month, told_at, cents) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, name, month, told_at) DO UPDATE SET cents = excluded.cents
"""


async def newest(tx: AsyncConnection, tenant_id: str, name: Name, as_of: date | None = None) -> list[Told]:
    """Return what was told last of each month, as it was known on the evening of `as_of` (UTC)."""
    return [Told(*row) for row in await (await driver(tx)).fetch(_NEWEST, tenant_id, name, as_of)]


async def tell(tx: AsyncConnection, tenant_id: str, name: Name, month: date, cents: int, now: datetime) -> None:
    """Write an amount, unless it is what stands."""
    connection = await driver(tx)
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('told amounts ' || $1, 0))", tenant_id)
    if not any((each.month, each.cents) == (month, cents) for each in await newest(tx, tenant_id, name)):
        await connection.execute(_TELL, tenant_id, name, month, now, cents)


async def rework_cost(tx: AsyncConnection, tenant_id: str, as_of: date | None = None) -> int | None:
    """Return what working a denial costs; None: it was not told."""
    told = await newest(tx, tenant_id, "rework_cost", as_of)
    return told[0].cents if told else None


async def net_revenue(tx: AsyncConnection, tenant_id: str, as_of: date | None = None) -> dict[date, int]:
    """Return net revenue by month."""
    return {each.month: each.cents for each in await newest(tx, tenant_id, "net_revenue", as_of)}
