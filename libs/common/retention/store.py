"""SQL of retention; nothing here commits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.retention.kinds import Kind

# One step of an index for each tenant, however much of each there is.
_TENANTS: Final = """
WITH RECURSIVE found AS (
    (SELECT min(tenant_id) AS tenant_id FROM {0})
    UNION ALL
    SELECT (SELECT min(tenant_id) FROM {0} WHERE tenant_id > found.tenant_id) FROM found WHERE tenant_id IS NOT NULL
) SELECT tenant_id FROM found WHERE tenant_id IS NOT NULL
"""
_PUT: Final = """
INSERT INTO retention (tenant_id, kind, days, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, kind) DO UPDATE SET days = $3, changed_by = $4, changed_at = $5
"""
_REACH: Final = """
INSERT INTO retention (tenant_id, kind, reached) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, kind) DO UPDATE SET reached = $3
"""


async def tenants(tx: AsyncConnection, kind: Kind) -> list[str]:
    """Return the tenants with some of a kind, within a transaction that sees all."""
    connection, found = await driver(tx), set[str]()
    for table in kind.tables.split():
        found |= {row["tenant_id"] for row in await connection.fetch(_TENANTS.format(table))}
    return sorted(found)


async def told(tx: AsyncConnection, tenant_id: str) -> Mapping[str, Any]:
    """Return what a tenant said of each kind, by its name; a kind that it said nothing of is missing."""
    rows = await (await driver(tx)).fetch("SELECT * FROM retention WHERE tenant_id = $1", tenant_id)
    return {row["kind"]: row for row in rows}


async def kept(tx: AsyncConnection, tenant_id: str, kind: Kind) -> tuple[int, UUID | None]:
    """Return for how many days a kind of a tenant is kept, and up to where it is gone."""
    query = "SELECT days, reached FROM retention WHERE tenant_id = $1 AND kind = $2"
    row = await (await driver(tx)).fetchrow(query, tenant_id, kind.name)
    if row is None:
        return kind.default_days, None
    return kind.default_days if row["days"] is None else row["days"], row["reached"]


async def put(tx: AsyncConnection, tenant_id: str, kind: Kind, days: int | None, who: str, now: datetime) -> None:
    await (await driver(tx)).execute(_PUT, tenant_id, kind.name, days, who, now)


async def reach(tx: AsyncConnection, tenant_id: str, kind: Kind, reached: UUID) -> None:
    await (await driver(tx)).execute(_REACH, tenant_id, kind.name, reached)
