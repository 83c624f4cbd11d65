"""SQL of report schedules and reports; nothing here commits."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.table_files import Format
from libs.common.tenants.holds import NOT_HELD
from services.analytics.cadence import Cadence

Reported = Literal["denials", "kpis"]


class Schedule(Struct, frozen=True):
    tenant_id: str
    schedule_id: UUID
    what: Reported
    format: Format
    cadence: Cadence
    shared: bool
    next_on: date
    created_at: datetime


class Report(Struct, frozen=True):
    """`first_on`, `last_on`: its period's days. `size_bytes`: None where the file was larger than what is kept."""

    tenant_id: str
    report_id: UUID
    schedule_id: UUID
    what: Reported
    format: Format
    shared: bool
    first_on: date
    last_on: date
    size_bytes: int | None
    made_at: datetime


_SCHEDULE: Final = ", ".join(Schedule.__struct_fields__)
_REPORT: Final = ", ".join(Report.__struct_fields__)
_FORGET: Final = f"""
DELETE FROM reports WHERE tenant_id = $1 AND schedule_id = $2 AND {NOT_HELD.format("reports")} AND last_on <=
    (SELECT last_on FROM reports WHERE tenant_id = $1 AND schedule_id = $2 ORDER BY last_on DESC OFFSET $3 LIMIT 1)
"""  # noqa: S608 - ours
_PAGE: Final = "($2::uuid IS NULL OR {0} < $2) ORDER BY {0} DESC LIMIT $3"


def _values(row: Struct) -> list[Any]:
    return [getattr(row, name) for name in row.__struct_fields__]


async def lock_schedules(tx: AsyncConnection, tenant_id: str) -> int:
    """Let nobody else make schedules of a tenant until the commit; return how many there are."""
    connection = await driver(tx)
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('report schedules ' || $1, 0))", tenant_id)
    return int(await connection.fetchval("SELECT count(*) FROM report_schedules WHERE tenant_id = $1", tenant_id))


async def insert_schedule(tx: AsyncConnection, schedule: Schedule) -> None:
    query = f"INSERT INTO report_schedules ({_SCHEDULE}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"  # noqa: S608 - ours
    await (await driver(tx)).execute(query, *_values(schedule))


async def get_schedule(tx: AsyncConnection, tenant_id: str, schedule_id: UUID) -> Schedule | None:
    query = f"SELECT {_SCHEDULE} FROM report_schedules WHERE tenant_id = $1 AND schedule_id = $2"  # noqa: S608 - ours
    row = await (await driver(tx)).fetchrow(query, tenant_id, schedule_id)
    return None if row is None else Schedule(**dict(row))


async def schedules(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Schedule]:
    """Return schedules, newest first."""
    query = f"SELECT {_SCHEDULE} FROM report_schedules WHERE tenant_id = $1 AND {_PAGE.format('schedule_id')}"  # noqa: S608 - ours
    return [Schedule(**dict(row)) for row in await (await driver(tx)).fetch(query, tenant_id, before, limit)]


async def remove_schedule(tx: AsyncConnection, tenant_id: str, schedule_id: UUID) -> bool:
    """Forget one and what it made. False where there is none."""
    query = "DELETE FROM report_schedules WHERE tenant_id = $1 AND schedule_id = $2"
    return (await (await driver(tx)).execute(query, tenant_id, schedule_id)).endswith(" 1")


async def due(tx: AsyncConnection, today: date) -> Schedule | None:
    """Return the schedule that is due longest."""
    query = f"SELECT {_SCHEDULE} FROM report_schedules WHERE next_on <= $1 ORDER BY next_on, schedule_id LIMIT 1"  # noqa: S608 - ours
    row = await (await driver(tx)).fetchrow(query, today)
    return None if row is None else Schedule(**dict(row))


async def advance(tx: AsyncConnection, schedule: Schedule, next_on: date) -> bool:
    """Go on to the next period; False where somebody else did, or the schedule is gone."""
    query = "UPDATE report_schedules SET next_on = $4 WHERE tenant_id = $1 AND schedule_id = $2 AND next_on = $3"
    told = await (await driver(tx)).execute(query, schedule.tenant_id, schedule.schedule_id, schedule.next_on, next_on)
    return told.endswith(" 1")


async def insert(tx: AsyncConnection, report: Report, pieces: Iterable[bytes], keep: int) -> None:
    """Write a report and its file, and forget what the schedule made before its newest `keep`."""
    connection = await driver(tx)
    query = f"INSERT INTO reports ({_REPORT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"  # noqa: S608 - ours
    await connection.execute(query, *_values(report))
    for place, piece in enumerate(pieces):
        await connection.execute(
            "INSERT INTO report_pieces VALUES ($1, $2, $3, $4)", report.tenant_id, report.report_id, place, piece
        )  # fmt: skip
    await connection.execute(_FORGET, report.tenant_id, report.schedule_id, keep)


async def get(tx: AsyncConnection, tenant_id: str, report_id: UUID) -> Report | None:
    query = f"SELECT {_REPORT} FROM reports WHERE tenant_id = $1 AND report_id = $2"  # noqa: S608 - ours
    row = await (await driver(tx)).fetchrow(query, tenant_id, report_id)
    return None if row is None else Report(**dict(row))


async def page(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Report]:
    """Return reports, newest first."""
    query = f"SELECT {_REPORT} FROM reports WHERE tenant_id = $1 AND {_PAGE.format('report_id')}"  # noqa: S608 - ours
    return [Report(**dict(row)) for row in await (await driver(tx)).fetch(query, tenant_id, before, limit)]


async def piece(tx: AsyncConnection, tenant_id: str, report_id: UUID, place: int) -> bytes | None:
    query = "SELECT piece FROM report_pieces WHERE tenant_id = $1 AND report_id = $2 AND place = $3"
    found: bytes | None = await (await driver(tx)).fetchval(query, tenant_id, report_id, place)
    return found
