"""The SQL of the register of tenants; nothing here commits. A tenant that is not in it is active: none has to be entered first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver

State = Literal["active", "suspended"]
Row = Mapping[str, Any]

_COLUMNS: Final = "tenant_id, state, why, changed_by, changed_at, legal_hold, hold_why"
# The API role sees the row of its own tenant; of all of them it is told by a function.
_LIST: Final = f"""
SELECT {_COLUMNS} FROM every_tenant()
WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR tenant_id > $2) ORDER BY tenant_id LIMIT $3
"""  # noqa: S608 - our own names
_FIND: Final = f"SELECT {_COLUMNS} FROM tenants WHERE tenant_id = $1"  # noqa: S608 - as above
_PUT: Final = f"""
INSERT INTO tenants AS t ({_COLUMNS})
VALUES ($1, COALESCE($2, 'active'), CASE WHEN $2 IS NULL THEN '' ELSE $3 END, $5, $6,
    COALESCE($4, false), CASE WHEN $4 IS NULL THEN '' ELSE $3 END)
ON CONFLICT (tenant_id) DO UPDATE SET state = COALESCE($2, t.state), why = CASE WHEN $2 IS NULL THEN t.why ELSE $3 END,
    legal_hold = COALESCE($4, t.legal_hold), hold_why = CASE WHEN $4 IS NULL THEN t.hold_why ELSE $3 END,
    changed_by = excluded.changed_by, changed_at = excluded.changed_at
RETURNING {_COLUMNS}
"""  # noqa: S608 - as above
_CLOSED: Final = "SELECT tenant_id FROM every_tenant() WHERE state <> 'active'"
_IS_CLOSED: Final = "SELECT EXISTS (SELECT 1 FROM tenants WHERE tenant_id = $1 AND state <> 'active')"


class Change(Struct, frozen=True):
    """What an operator makes of a tenant; what is None stays as it is."""

    state: State | None
    legal_hold: bool | None
    why: str
    who: str


async def find_all(tx: AsyncConnection, state: State | None, after: str | None, limit: int) -> Sequence[Row]:
    """Return tenants in the order of their names."""
    found: Sequence[Row] = await (await driver(tx)).fetch(_LIST, state, after, limit)
    return found


async def find(tx: AsyncConnection, tenant_id: str) -> Row | None:
    """Return a tenant, within a transaction that sees it."""
    found: Row | None = await (await driver(tx)).fetchrow(_FIND, tenant_id)
    return found


async def put(tx: AsyncConnection, tenant_id: str, change: Change, now: datetime) -> Row:
    """Make of a tenant what is told, within a transaction that sees it, and return it."""
    told = (tenant_id, change.state, change.why, change.legal_hold, change.who, now)
    made: Row | None = await (await driver(tx)).fetchrow(_PUT, *told)
    if made is None:
        raise LookupError("RETURNING returned nothing")
    return made


async def closed(tx: AsyncConnection) -> frozenset[str]:
    """Return all tenants that are not served."""
    return frozenset(row["tenant_id"] for row in await (await driver(tx)).fetch(_CLOSED))


async def is_closed(tx: AsyncConnection, tenant_id: str) -> bool:
    """Say whether a tenant is not served, within a transaction that sees it."""
    return bool(await (await driver(tx)).fetchval(_IS_CLOSED, tenant_id))
