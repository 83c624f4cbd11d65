"""SQL of schedules; nothing here commits."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics.audits.plans import Plan
from services.analytics.cadence import Cadence


class Schedule(Struct, frozen=True):
    tenant_id: str
    schedule_id: UUID
    plan: Plan
    cadence: Cadence
    next_on: date
    created_at: datetime


_COLUMNS: Final = ", ".join(Schedule.__struct_fields__)


async def insert(tx: AsyncConnection, schedule: Schedule) -> None:
    await (await driver(tx)).execute(
        f"INSERT INTO audit_schedules ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)",  # noqa: S608 - ours
        schedule.tenant_id,
        schedule.schedule_id,
        msgspec.json.encode(schedule.plan).decode(),
        schedule.cadence,
        schedule.next_on,
        schedule.created_at,
    )


async def get(tx: AsyncConnection, tenant_id: str, schedule_id: UUID) -> Schedule | None:
    query = f"SELECT {_COLUMNS} FROM audit_schedules WHERE tenant_id = $1 AND schedule_id = $2"  # noqa: S608 - ours
    return _read(await (await driver(tx)).fetchrow(query, tenant_id, schedule_id))


async def page(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Schedule]:
    """Return schedules, newest first."""
    query = (
        f"SELECT {_COLUMNS} FROM audit_schedules WHERE tenant_id = $1"  # noqa: S608 - ours
        " AND ($2::uuid IS NULL OR schedule_id < $2) ORDER BY schedule_id DESC LIMIT $3"
    )
    return [each for row in await (await driver(tx)).fetch(query, tenant_id, before, limit) if (each := _read(row))]


async def remove(tx: AsyncConnection, tenant_id: str, schedule_id: UUID) -> bool:
    """Forget one; what it made stays. False where there is none."""
    query = "DELETE FROM audit_schedules WHERE tenant_id = $1 AND schedule_id = $2"
    return (await (await driver(tx)).execute(query, tenant_id, schedule_id)).endswith(" 1")


async def take_due(tx: AsyncConnection, through: date | None) -> Schedule | None:
    """Lock the schedule that is due longest and that nobody else has in hand; `through` is the last day that has ended."""
    query = f"""
        SELECT {_COLUMNS} FROM audit_schedules WHERE next_on <= $1::date + 1 ORDER BY next_on FOR UPDATE SKIP LOCKED LIMIT 1
    """  # noqa: S608 - ours
    return _read(await (await driver(tx)).fetchrow(query, through))


async def advance(tx: AsyncConnection, schedule: Schedule, next_on: date) -> None:
    query = "UPDATE audit_schedules SET next_on = $3 WHERE tenant_id = $1 AND schedule_id = $2"
    await (await driver(tx)).execute(query, schedule.tenant_id, schedule.schedule_id, next_on)


def _read(row: Mapping[str, Any] | None) -> Schedule | None:
    return None if row is None else Schedule(**{**dict(row), "plan": msgspec.json.decode(row["plan"], type=Plan)})
