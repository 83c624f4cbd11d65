"""SQL of loads of reference tables: the files that wait, the lease on one of them, and how it fared. Nothing here commits."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.orders import ring
from services.ingest.reference.quarter import Quarter


class Load(Struct, frozen=True):
    """A file that is to become a release. `before`: the half-written release of a try that was broken off."""

    tenant_id: str
    load_id: UUID
    name: str
    quarter: Quarter
    smaller: bool
    sha256: str
    attempts: int
    before: int | None


async def insert(tx: AsyncConnection, load: Load, size_bytes: int, blocks: Iterable[bytes], now: datetime) -> None:
    """Store a file that waits; `blocks` are its compressed pieces in order."""
    connection = await driver(tx)
    await connection.execute(
        "INSERT INTO reference_loads (tenant_id, load_id, name, quarter, smaller, sha256, size_bytes, status, received_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, 'received', $8)",
        load.tenant_id,
        load.load_id,
        load.name,
        str(load.quarter),
        load.smaller,
        load.sha256,
        size_bytes,
        now,
    )
    for ordinal, block in enumerate(blocks):
        await connection.execute(
            "INSERT INTO reference_load_chunks VALUES ($1, $2, $3, $4)", load.tenant_id, load.load_id, ordinal, block
        )
    await ring(tx)


_KNOWN = """
SELECT load_id, loads.status FROM reference_loads AS loads
WHERE tenant_id = $1 AND name = $2 AND quarter = $3 AND sha256 = $4 AND (
    (status IN ('received', 'loading') AND smaller = $5)
    OR EXISTS (
        SELECT 1 FROM reference_releases AS releases
        WHERE releases.tenant_id = $1 AND releases.release_id = loads.release_id AND releases.state = 'live'
    )
)
ORDER BY received_at DESC LIMIT 1
"""


async def known(tx: AsyncConnection, load: Load) -> tuple[UUID, bool] | None:
    """Return the load of the same bytes for the same quarter that is under way or whose release is live; and whether it is."""
    asked = (load.tenant_id, load.name, str(load.quarter), load.sha256, load.smaller)
    row = await (await driver(tx)).fetchrow(_KNOWN, *asked)
    return None if row is None else (row["load_id"], row["status"] == "live")


async def get(tx: AsyncConnection, tenant_id: str, load_id: UUID) -> Any | None:
    """Return a load as it stands. `interrupted`: who worked on it is gone, and nobody else has taken it up yet."""
    return await (await driver(tx)).fetchrow(
        "SELECT *, status = 'loading' AND leased_until < now() AS interrupted FROM reference_loads"
        " WHERE tenant_id = $1 AND load_id = $2",
        tenant_id,
        load_id,
    )


_LEASE = """
WITH waiting AS MATERIALIZED (
    SELECT tenant_id, load_id, (
        SELECT release_id FROM reference_releases AS releases
        WHERE releases.tenant_id = waits.tenant_id AND releases.release_id = waits.release_id AND state = 'loading'
    ) AS before
    FROM reference_loads AS waits
    WHERE status IN ('received', 'loading') AND (leased_until IS NULL OR leased_until < now())
    ORDER BY received_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE reference_loads AS loads SET status = 'loading', leased_until = now() + $1::interval, attempts = loads.attempts + 1,
    bytes_read = 0, rows = 0, release_id = NULL
FROM waiting WHERE loads.tenant_id = waiting.tenant_id AND loads.load_id = waiting.load_id
RETURNING loads.*, waiting.before
"""


async def lease(tx: AsyncConnection, duration: timedelta) -> tuple[Load, datetime] | None:
    """Take the oldest file that waits, or that a dead worker left; with it, the end of the lease."""
    row = await (await driver(tx)).fetchrow(_LEASE, duration)
    if row is None:
        return None
    quarter = Quarter.parse(row["quarter"])
    told = (row["tenant_id"], row["load_id"], row["name"], quarter, row["smaller"], row["sha256"], row["attempts"], row["before"])
    return Load(*told), row["leased_until"]


async def hold(
    tx: AsyncConnection, load: Load, held: datetime, duration: timedelta, *, bytes_read: int, rows: int, release_id: int | None
) -> datetime | None:
    """Note how far a load is and lengthen its lease; None when it is not ours any more."""
    ends: datetime | None = await (await driver(tx)).fetchval(
        "UPDATE reference_loads SET leased_until = now() + $4::interval, bytes_read = $5, rows = $6, release_id = $7"
        " WHERE tenant_id = $1 AND load_id = $2 AND leased_until = $3 RETURNING leased_until",
        load.tenant_id,
        load.load_id,
        held,
        duration,
        bytes_read,
        rows,
        release_id,
    )
    return ends


async def give_back(tx: AsyncConnection, load: Load, held: datetime) -> None:
    """Let go of a load that was broken off in good order: it counts as not tried."""
    await (await driver(tx)).execute(
        "UPDATE reference_loads SET status = 'received', leased_until = NULL, attempts = attempts - 1"
        " WHERE tenant_id = $1 AND load_id = $2 AND leased_until = $3",
        load.tenant_id,
        load.load_id,
        held,
    )
    await ring(tx)


async def finish(
    tx: AsyncConnection, load: Load, status: str, now: datetime, *, reason: str | None = None, line: int | None = None
) -> None:
    """Say what came of a load; its bytes are not needed any more."""
    connection = await driver(tx)
    await connection.execute(
        "UPDATE reference_loads SET status = $3, finished_at = $4, reason = $5, line = $6, leased_until = NULL,"
        " bytes_read = CASE WHEN $3 = 'live' THEN size_bytes ELSE bytes_read END"
        " WHERE tenant_id = $1 AND load_id = $2",
        load.tenant_id,
        load.load_id,
        status,
        now,
        reason,
        line,
    )
    await connection.execute(
        "DELETE FROM reference_load_chunks WHERE tenant_id = $1 AND load_id = $2", load.tenant_id, load.load_id
    )


async def chunk(tx: AsyncConnection, load: Load, ordinal: int) -> bytes | None:
    """Return one compressed piece of a file; None after its last one."""
    body: bytes | None = await (await driver(tx)).fetchval(
        "SELECT body FROM reference_load_chunks WHERE tenant_id = $1 AND load_id = $2 AND ordinal = $3",
        load.tenant_id,
        load.load_id,
        ordinal,
    )
    return body
