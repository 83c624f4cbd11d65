"""SQL of recounts; nothing here commits."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.orders import ring

State = Literal["waiting", "reading", "counting", "done"]
REPORTED_MAX: Final = 100


class Difference(Struct, frozen=True):
    """One sum, or the outcomes of one account, that are not what their facts come to."""

    measure: str
    day: str
    known_on: str
    cell: tuple[str, ...]
    grain: int
    expected: tuple[int, int]
    found: tuple[int, int]


class Recount(Struct, frozen=True):
    tenant_id: str
    recount_id: UUID
    repair: bool
    reread: bool
    state: State
    created_at: datetime
    updated_at: datetime
    leased_until: datetime
    parts: int = 0
    parts_done: int = 0
    facts: int = 0
    facts_new: int = 0
    sums: int = 0
    differing: int = 0
    outcomes: int = 0
    report: tuple[Difference, ...] = ()


_COLUMNS: Final = ", ".join(Recount.__struct_fields__)


async def insert(tx: AsyncConnection, recount: Recount) -> bool:
    """Write a new one; False where another of this tenant is under way."""
    told = await (await driver(tx)).execute(
        "INSERT INTO recounts (tenant_id, recount_id, repair, reread, state, created_at, updated_at, leased_until)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id) WHERE state <> 'done' DO NOTHING",
        recount.tenant_id,
        recount.recount_id,
        recount.repair,
        recount.reread,
        recount.state,
        recount.created_at,
        recount.updated_at,
        recount.leased_until,
    )
    await ring(tx)
    return told.endswith(" 1")


async def get(tx: AsyncConnection, tenant_id: str, recount_id: UUID) -> Recount | None:
    query = f"SELECT {_COLUMNS} FROM recounts WHERE tenant_id = $1 AND recount_id = $2"  # noqa: S608 - ours
    return _read(await (await driver(tx)).fetchrow(query, tenant_id, recount_id))


async def unfinished(tx: AsyncConnection, tenant_id: str) -> Recount | None:
    """Return the one that is under way."""
    query = f"SELECT {_COLUMNS} FROM recounts WHERE tenant_id = $1 AND state <> 'done'"  # noqa: S608 - ours
    return _read(await (await driver(tx)).fetchrow(query, tenant_id))


async def take(tx: AsyncConnection, now: datetime, until: datetime) -> Recount | None:
    """Lease the oldest that nobody works on; it begins anew if somebody did."""
    query = f"""
        UPDATE recounts SET leased_until = $2, updated_at = $1, parts_done = 0, facts = 0, sums = 0, differing = 0,
            outcomes = 0, report = '[]'
        WHERE (tenant_id, recount_id) = (
            SELECT tenant_id, recount_id FROM recounts WHERE state <> 'done' AND leased_until <= $1
            ORDER BY created_at FOR UPDATE SKIP LOCKED LIMIT 1
        ) RETURNING {_COLUMNS}
    """  # noqa: S608 - ours
    return _read(await (await driver(tx)).fetchrow(query, now, until))


async def update(tx: AsyncConnection, recount: Recount, held_until: datetime) -> bool:
    """Write how far it is; False, and nothing is written, where the lease is somebody else's by now."""
    told = await (await driver(tx)).execute(
        "UPDATE recounts SET state = $4, updated_at = $5, leased_until = $6, parts = $7, parts_done = $8, facts = $9,"
        " facts_new = $10, sums = $11, differing = $12, report = $13, outcomes = $14"
        " WHERE tenant_id = $1 AND recount_id = $2 AND leased_until = $3",
        recount.tenant_id,
        recount.recount_id,
        held_until,
        recount.state,
        recount.updated_at,
        recount.leased_until,
        recount.parts,
        recount.parts_done,
        recount.facts,
        recount.facts_new,
        recount.sums,
        recount.differing,
        msgspec.json.encode(recount.report).decode(),
        recount.outcomes,
    )
    return told.endswith(" 1")


async def count_sums(tx: AsyncConnection, tenant_id: str) -> int:
    counted: int = await (await driver(tx)).fetchval("SELECT count(*) FROM rollups WHERE tenant_id = $1", tenant_id)
    return counted


def _read(row: object) -> Recount | None:
    if row is None:
        return None
    told = dict(row)  # type: ignore[call-overload]  # asyncpg's record
    told["report"] = msgspec.json.decode(told["report"], type=tuple[Difference, ...])
    return Recount(**told)
