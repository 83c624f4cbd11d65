"""SQL of reference tables: releases by set and quarter, their rows, and the switch from one to the next. Nothing here commits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, lock_name
from services.ingest.checks.reference import CODE_SETS, FEE_SCHEDULE, MUE_SETS, PTP_SETS
from services.ingest.reference.formats import Row
from services.ingest.reference.quarter import Quarter

_ABANDONED = timedelta(hours=1)  # a load that takes longer was cut by a crash
_PURGED_AT_ONCE = 20_000
_CODES: Final = "reference_codes", ("code text", "billable boolean", "valid_from date", "valid_to date")
_PTP: Final = "reference_ptp", ("column_1 text", "column_2 text", "begins_on date", "ends_on date", "indicator text")
_MUE: Final = "reference_mue", ("code text", "units bigint", "indicator text")
_FEES: Final = (
    "reference_fees",
    ("payer_id text", "procedure_code text", "modifier text", "allowed_cents bigint", "valid_from date", "valid_to date"),
)
_TABLES: Final = {
    FEE_SCHEDULE: _FEES,
    **dict.fromkeys(CODE_SETS, _CODES),
    **dict.fromkeys(PTP_SETS, _PTP),
    **dict.fromkeys(MUE_SETS, _MUE),
}


def _insert(name: str) -> str:
    table, columns = _TABLES[name]
    named = ", ".join(column.split()[0] for column in columns)
    arrays = ", ".join(f"${place}::{column.split()[1]}[]" for place, column in enumerate(columns, start=3))
    return f"INSERT INTO {table} (tenant_id, release_id, {named}) SELECT $1, $2, * FROM unnest({arrays})"  # noqa: S608 - our own names


async def open_release(tx: AsyncConnection, tenant_id: str, name: str, quarter: Quarter, sha256: str, now: datetime) -> int:
    """Begin a release that nobody sees yet; return its id."""
    return int(
        await (await driver(tx)).fetchval(
            "INSERT INTO reference_releases (tenant_id, name, quarter, begins_on, state, rows, sha256, loaded_at)"
            " VALUES ($1, $2, $3, $4, 'loading', 0, $5, $6) RETURNING release_id",
            tenant_id,
            name,
            str(quarter),
            quarter.begins_on,
            sha256,
            now,
        )
    )


async def insert_rows(tx: AsyncConnection, tenant_id: str, name: str, release_id: int, rows: Sequence[Row]) -> None:
    await (await driver(tx)).execute(_insert(name), tenant_id, release_id, *map(list, zip(*rows, strict=True)))


async def rows_before(tx: AsyncConnection, tenant_id: str, name: str) -> int:
    """Return how many rows the newest live release of a set has; 0 where there is none."""
    found = await (await driver(tx)).fetchval(
        "SELECT rows FROM reference_releases WHERE tenant_id = $1 AND name = $2 AND state = 'live' ORDER BY begins_on DESC LIMIT 1",
        tenant_id,
        name,
    )
    return int(found or 0)


async def switch(tx: AsyncConnection, tenant_id: str, name: str, quarter: Quarter, release_id: int, rows: int) -> None:
    """Make a loaded release the live one of its quarter, in the place of the one before."""
    connection = await driver(tx)
    await lock_name(tx, "recours.reference", tenant_id, name)
    await connection.execute(
        "UPDATE reference_releases SET state = 'replaced' WHERE tenant_id = $1 AND name = $2 AND begins_on = $3 AND state = 'live'",
        tenant_id,
        name,
        quarter.begins_on,
    )
    await connection.execute(
        "UPDATE reference_releases SET state = 'live', rows = $3 WHERE tenant_id = $1 AND release_id = $2",
        tenant_id,
        release_id,
        rows,
    )


async def unused_releases(tx: AsyncConnection, tenant_id: str, name: str, now: datetime) -> list[int]:
    """Return releases of a set whose rows nobody reads any more: replaced before, or loads that were broken off."""
    rows = await (await driver(tx)).fetch(
        "SELECT release_id FROM reference_releases WHERE tenant_id = $1 AND name = $2"
        " AND (state = 'replaced' OR (state = 'loading' AND loaded_at < $3))",
        tenant_id,
        name,
        now - _ABANDONED,
    )
    return [row["release_id"] for row in rows]


async def purge(tx: AsyncConnection, tenant_id: str, name: str, release_id: int) -> bool:
    """Delete some rows of a release, and the release with the last of them; False when all is gone."""
    connection = await driver(tx)
    table = _TABLES[name][0]
    done = await connection.execute(
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table}"  # noqa: S608 - our own names
        " WHERE tenant_id = $1 AND release_id = $2 LIMIT $3))",
        tenant_id,
        release_id,
        _PURGED_AT_ONCE,
    )
    if int(done.split()[-1]) == _PURGED_AT_ONCE:
        return True
    await connection.execute(
        "DELETE FROM reference_releases WHERE tenant_id = $1 AND release_id = $2 AND state <> 'live'", tenant_id, release_id
    )
    return False


async def releases(tx: AsyncConnection, tenant_id: str) -> list[Any]:
    """Return the live releases, by set, newest first."""
    return list(
        await (await driver(tx)).fetch(
            "SELECT name, quarter, begins_on, rows, sha256, loaded_at FROM reference_releases"
            " WHERE tenant_id = $1 AND state = 'live' ORDER BY name, begins_on DESC",
            tenant_id,
        )
    )
