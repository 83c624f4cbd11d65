"""SQL of webhooks; nothing here commits."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics.alerts import store as alerts
from services.analytics.alerts.store import Told

State = Literal["waiting", "delivered", "dead"]


class Webhook(Struct, frozen=True):
    tenant_id: str
    webhook_id: UUID
    url: str
    secret: bytes
    created_at: datetime
    created_by: str


class Delivery(Struct, frozen=True):
    """One step for one subscriber. `delivery_id` is its `webhook-id` at every attempt."""

    tenant_id: str
    delivery_id: UUID
    webhook_id: UUID
    step_id: UUID
    state: State
    attempts: int
    next_at: datetime
    created_at: datetime
    ended_at: datetime | None
    last_outcome: str | None


_WEBHOOK: Final = ", ".join(Webhook.__struct_fields__)
_DELIVERY: Final = ", ".join(Delivery.__struct_fields__)


async def insert(tx: AsyncConnection, webhook: Webhook) -> None:
    await (await driver(tx)).execute(
        f"INSERT INTO webhooks ({_WEBHOOK}) VALUES ($1, $2, $3, $4, $5, $6)",  # noqa: S608 - names are ours
        *(getattr(webhook, name) for name in Webhook.__struct_fields__),
    )


async def get(tx: AsyncConnection, tenant_id: str, webhook_id: UUID) -> Webhook | None:
    query = f"SELECT {_WEBHOOK} FROM webhooks WHERE tenant_id = $1 AND webhook_id = $2"  # noqa: S608 - names are ours
    row = await (await driver(tx)).fetchrow(query, tenant_id, webhook_id)
    return None if row is None else Webhook(**dict(row))


async def count(tx: AsyncConnection, tenant_id: str) -> int:
    counted: int = await (await driver(tx)).fetchval("SELECT count(*) FROM webhooks WHERE tenant_id = $1", tenant_id)
    return counted


async def find(tx: AsyncConnection, tenant_id: str) -> list[Webhook]:
    query = f"SELECT {_WEBHOOK} FROM webhooks WHERE tenant_id = $1 ORDER BY webhook_id"  # noqa: S608 - names are ours
    return [Webhook(**dict(row)) for row in await (await driver(tx)).fetch(query, tenant_id)]


async def delete(tx: AsyncConnection, tenant_id: str, webhook_id: UUID) -> bool:
    """End a subscription, and with it what waits for it."""
    connection = await driver(tx)
    await connection.execute("DELETE FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2", tenant_id, webhook_id)
    told = await connection.execute("DELETE FROM webhooks WHERE tenant_id = $1 AND webhook_id = $2", tenant_id, webhook_id)
    return told.endswith(" 1")


async def deliveries(
    tx: AsyncConnection, tenant_id: str, webhook_id: UUID, state: State | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[Delivery]:
    """Return deliveries, the newest first."""
    at, last = after or (None, None)
    rows = await (await driver(tx)).fetch(
        f"SELECT {_DELIVERY} FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2"  # noqa: S608 - names are ours
        " AND ($3::text IS NULL OR state = $3) AND ($4::timestamptz IS NULL OR (created_at, delivery_id) < ($4, $5::uuid))"
        " ORDER BY created_at DESC, delivery_id DESC LIMIT $6",
        tenant_id, webhook_id, state, at, last, limit,
    )  # fmt: skip
    return [Delivery(**dict(row)) for row in rows]


async def lease(tx: AsyncConnection, now: datetime, until: datetime, limit: int) -> list[Delivery]:
    """Take deliveries that are due, so that nobody else does before `until`."""
    rows = await (await driver(tx)).fetch(
        f"""
        UPDATE webhook_deliveries SET next_at = $2, attempts = attempts + 1 WHERE (tenant_id, delivery_id) IN (
            SELECT tenant_id, delivery_id FROM webhook_deliveries WHERE state = 'waiting' AND next_at <= $1
            ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED
        ) RETURNING {_DELIVERY}
        """,  # noqa: S608 - names are ours
        now,
        until,
        limit,
    )
    return [Delivery(**dict(row)) for row in rows]


async def told(tx: AsyncConnection, delivery: Delivery) -> tuple[Webhook, Told] | None:
    """Return to whom, and what; None where the subscription has ended meanwhile."""
    webhook = await get(tx, delivery.tenant_id, delivery.webhook_id)
    step = await alerts.told(tx, delivery.tenant_id, delivery.step_id)
    return None if webhook is None or step is None else (webhook, step)


async def end(tx: AsyncConnection, delivery: Delivery, state: State, outcome: str, next_at: datetime, now: datetime) -> None:
    """Write how an attempt ended, where the lease still holds."""
    await (await driver(tx)).execute(
        "UPDATE webhook_deliveries SET state = $3, last_outcome = $4, next_at = $5, ended_at = $6"
        " WHERE tenant_id = $1 AND delivery_id = $2 AND state = 'waiting' AND next_at = $7",
        delivery.tenant_id,
        delivery.delivery_id,
        state,
        outcome,
        next_at,
        None if state == "waiting" else now,
        delivery.next_at,
    )


async def revive(tx: AsyncConnection, tenant_id: str, webhook_id: UUID, delivery_id: UUID, now: datetime) -> Delivery | None:
    """Let an ended delivery go out once more, with all its attempts before it; None where there is none."""
    row: Any = await (await driver(tx)).fetchrow(
        "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, ended_at = NULL,"  # noqa: S608 - names are ours
        " next_at = CASE state WHEN 'waiting' THEN next_at ELSE $4 END"
        f" WHERE tenant_id = $1 AND webhook_id = $2 AND delivery_id = $3 RETURNING {_DELIVERY}",
        tenant_id,
        webhook_id,
        delivery_id,
        now,
    )
    return None if row is None else Delivery(**dict(row))


async def forget(tx: AsyncConnection, before: datetime) -> None:
    """Drop deliveries that ended long ago."""
    await (await driver(tx)).execute("DELETE FROM webhook_deliveries WHERE state <> 'waiting' AND ended_at < $1", before)
