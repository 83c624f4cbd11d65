"""The SQL of the register of tenants; nothing here commits. A tenant that is not in it is active: none has to be entered first."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.orders import ring

State = Literal["active", "suspended", "erasing", "erased"]
ERASURE: Final = frozenset({"erasing", "erased"})
Row = Mapping[str, Any]

_WRITTEN: Final = "tenant_id, state, why, changed_by, changed_at, legal_hold, hold_why"
_COLUMNS: Final = f"{_WRITTEN}, erasing_from, erased_at, erased::text AS erased"
# The API role sees the row of its own tenant; of all of them it is told by a function.
_LIST: Final = f"""
SELECT {_COLUMNS} FROM every_tenant()
WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR tenant_id > $2) ORDER BY tenant_id LIMIT $3
"""  # noqa: S608 - our own names
_FIND: Final = f"SELECT {_COLUMNS} FROM tenants WHERE tenant_id = $1"  # noqa: S608 - as above
_PUT: Final = f"""
INSERT INTO tenants AS t ({_WRITTEN})
VALUES ($1, COALESCE($2, 'active'), CASE WHEN $2 IS NULL THEN '' ELSE $3 END, $5, $6,
    COALESCE($4, false), CASE WHEN $4 IS NULL THEN '' ELSE $3 END)
ON CONFLICT (tenant_id) DO UPDATE SET state = COALESCE($2, t.state), why = CASE WHEN $2 IS NULL THEN t.why ELSE $3 END,
    legal_hold = COALESCE($4, t.legal_hold), hold_why = CASE WHEN $4 IS NULL THEN t.hold_why ELSE $3 END,
    changed_by = excluded.changed_by, changed_at = excluded.changed_at
WHERE $2 IS NULL OR t.state NOT IN ('erasing', 'erased')
RETURNING {_COLUMNS}
"""  # noqa: S608 - as above
_ENTER: Final = f"""
INSERT INTO tenants ({_WRITTEN}) VALUES ($1, 'active', $2, $3, $4, false, '') ON CONFLICT DO NOTHING
"""  # noqa: S608 - as above
# What is gone does not come back, so a name that was erased keeps its state.
_ERASE: Final = f"""
UPDATE tenants SET state = 'erasing', why = $2, changed_by = $3, changed_at = $4, erasing_from = $4
WHERE tenant_id = $1 AND state = 'suspended' AND NOT legal_hold RETURNING {_COLUMNS}
"""  # noqa: S608 - as above
_CLOSED: Final = "SELECT tenant_id, state FROM every_tenant() WHERE state <> 'active'"
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


async def put(tx: AsyncConnection, tenant_id: str, change: Change, now: datetime) -> Row | None:
    """Make of a tenant what is told, within a transaction that sees it, and return it; None where it is erased."""
    told = (tenant_id, change.state, change.why, change.legal_hold, change.who, now)
    made: Row | None = await (await driver(tx)).fetchrow(_PUT, *told)
    await ring(tx)
    return made


async def begin_erasing(tx: AsyncConnection, tenant_id: str, why: str, who: str, now: datetime) -> Row | None:
    """Let the worker erase a tenant, within a transaction that sees it; None where it is not suspended, or held."""
    made: Row | None = await (await driver(tx)).fetchrow(_ERASE, tenant_id, why, who, now)
    await ring(tx)
    return made


async def enter(tx: AsyncConnection, tenant_id: str, why: str, who: str, now: datetime) -> bool:
    """Enter a tenant, active, within a transaction that sees it; False where it stands there, and stays as it is."""
    done: str = await (await driver(tx)).execute(_ENTER, tenant_id, why, who, now)
    return done.endswith(" 1")


async def closed(tx: AsyncConnection) -> dict[str, State]:
    """Return all tenants that are not served, and why."""
    return {row["tenant_id"]: row["state"] for row in await (await driver(tx)).fetch(_CLOSED)}


async def is_closed(tx: AsyncConnection, tenant_id: str) -> bool:
    """Say whether a tenant is not served, within a transaction that sees it."""
    return bool(await (await driver(tx)).fetchval(_IS_CLOSED, tenant_id))


async def erased_among(tx: AsyncConnection, tenant_ids: Collection[str]) -> frozenset[str]:
    """Return those that are erased or being erased, within a worker's transaction: nothing of theirs is to be kept any more."""
    query = "SELECT tenant_id FROM tenants WHERE tenant_id = ANY ($1) AND state IN ('erasing', 'erased')"
    return frozenset(row["tenant_id"] for row in await (await driver(tx)).fetch(query, list(tenant_ids)))


async def names_in(tx: AsyncConnection, state: State) -> list[str]:
    """Return the tenants in a state that are not held, within a worker's transaction."""
    query = "SELECT tenant_id FROM tenants WHERE state = $1 AND NOT legal_hold ORDER BY erasing_from, tenant_id"
    return [row["tenant_id"] for row in await (await driver(tx)).fetch(query, state)]


async def lock_for_erasing(tx: AsyncConnection, tenant_id: str) -> bool:
    """Hold a tenant that is to be erased, or is; False where it is held legally by now."""
    query = "SELECT 1 FROM tenants WHERE tenant_id = $1 AND state IN ('erasing', 'erased') AND NOT legal_hold FOR UPDATE"
    return await (await driver(tx)).fetchrow(query, tenant_id) is not None


async def count_erased(tx: AsyncConnection, tenant_id: str, name: str, count: int) -> None:
    """Note how much more of a tenant is gone."""
    query = (
        "UPDATE tenants SET erased = erased || jsonb_build_object($2::text, COALESCE((erased ->> $2)::bigint, 0) + $3)"
        " WHERE tenant_id = $1"
    )
    await (await driver(tx)).execute(query, tenant_id, name, count)


async def finish_erasing(tx: AsyncConnection, tenant_id: str, now: datetime) -> None:
    """Note that all is gone."""
    query = "UPDATE tenants SET state = 'erased', erased_at = $2 WHERE tenant_id = $1 AND state = 'erasing'"
    await (await driver(tx)).execute(query, tenant_id, now)
