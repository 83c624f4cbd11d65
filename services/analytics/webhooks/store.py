"""SQL of webhooks and of the log of their deliveries; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.orders import ring
from libs.common.sealing.keys import cipher_of
from services.analytics.seals import OLD_SECRET, SECRET
from services.analytics.webhooks.messages import CHANNEL

State = Literal["waiting", "delivered", "dead"]


class Webhook(Struct, frozen=True):
    """`failures`: since it last took something. `old_secret`: what signs beside `secret` until it is over; both sealed."""

    tenant_id: str
    webhook_id: UUID
    url: str
    event_types: Sequence[str]
    secret: bytes
    created_at: datetime
    created_by: str
    old_secret: bytes | None = None
    old_secret_until: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None


class Delivery(Struct, frozen=True):
    """One message for one webhook. `delivery_id` is its `webhook-id` at every attempt."""

    tenant_id: str
    delivery_id: UUID
    webhook_id: UUID
    type: str
    sequence: int
    previous: int | None
    state: State
    attempts: int
    next_at: datetime
    created_at: datetime
    ended_at: datetime | None
    last_outcome: str | None
    tried: Sequence[Any]


class Replay(Struct, frozen=True):
    tenant_id: str
    replay_id: UUID
    webhook_id: UUID
    from_at: datetime
    to_at: datetime
    created_at: datetime
    queued: int = 0
    finished_at: datetime | None = None


_WEBHOOK: Final = ", ".join(Webhook.__struct_fields__)
_CHANGEABLE: Final = tuple(name for name in Webhook.__struct_fields__ if name not in ("tenant_id", "webhook_id"))
_DELIVERY: Final = ", ".join(f"delivery.{name}" if name != "type" else "type" for name in Delivery.__struct_fields__)
_REPLAY: Final = ", ".join(Replay.__struct_fields__)
_OF_MESSAGE: Final = (
    "message.tenant_id = delivery.tenant_id AND message.message_id = delivery.message_id"
    " AND delivery.tenant_id = $1 AND delivery.webhook_id = $2"
)


async def with_secret(tx: AsyncConnection, webhook: Webhook, secret: bytes) -> Webhook:
    """Return a webhook that is signed with a secret. Errors: as `cipher_of`."""
    cipher = await cipher_of(tx, webhook.tenant_id)
    return replace(webhook, secret=cipher.seal(SECRET, (webhook.webhook_id,), secret))


async def secret_of(tx: AsyncConnection, webhook: Webhook) -> bytes:
    """Return what a webhook's posts are signed with. Errors: Unreadable, as `cipher_of`."""
    return (await cipher_of(tx, webhook.tenant_id)).open(SECRET, (webhook.webhook_id,), webhook.secret)


async def with_another_secret(tx: AsyncConnection, webhook: Webhook, secret: bytes, old_until: datetime) -> Webhook:
    """Return a webhook that is signed with another secret, and until then with the one before, too. Errors: as `secret_of`."""
    old = await secret_of(tx, webhook)
    sealed = (await cipher_of(tx, webhook.tenant_id)).seal(OLD_SECRET, (webhook.webhook_id,), old)
    return replace(await with_secret(tx, webhook, secret), old_secret=sealed, old_secret_until=old_until)


def _places(count: int) -> str:
    return ", ".join(f"${place}" for place in range(1, count + 1))


def _values(row: Struct) -> list[Any]:
    return [getattr(row, name) for name in row.__struct_fields__]


async def insert(tx: AsyncConnection, webhook: Webhook) -> None:
    query = f"INSERT INTO webhooks ({_WEBHOOK}) VALUES ({_places(len(Webhook.__struct_fields__))})"  # noqa: S608 - names are ours
    await (await driver(tx)).execute(query, *_values(webhook))


async def update(tx: AsyncConnection, webhook: Webhook) -> None:
    """Write a webhook that was read and locked."""
    changes = ", ".join(f"{name} = ${place}" for place, name in enumerate(_CHANGEABLE, 3))
    query = f"UPDATE webhooks SET {changes} WHERE tenant_id = $1 AND webhook_id = $2"  # noqa: S608 - names are ours
    values = [getattr(webhook, name) for name in _CHANGEABLE]
    await (await driver(tx)).execute(query, webhook.tenant_id, webhook.webhook_id, *values)
    await ring(tx, CHANNEL)


async def get(tx: AsyncConnection, tenant_id: str, webhook_id: UUID, *, lock: bool = False) -> Webhook | None:
    query = f"SELECT {_WEBHOOK} FROM webhooks WHERE tenant_id = $1 AND webhook_id = $2"  # noqa: S608 - names are ours
    row = await (await driver(tx)).fetchrow(query + (" FOR NO KEY UPDATE" if lock else ""), tenant_id, webhook_id)
    return None if row is None else Webhook(**dict(row))


async def count(tx: AsyncConnection, tenant_id: str) -> int:
    counted: int = await (await driver(tx)).fetchval("SELECT count(*) FROM webhooks WHERE tenant_id = $1", tenant_id)
    return counted


async def find(tx: AsyncConnection, tenant_id: str) -> list[Webhook]:
    query = f"SELECT {_WEBHOOK} FROM webhooks WHERE tenant_id = $1 ORDER BY webhook_id"  # noqa: S608 - names are ours
    return [Webhook(**dict(row)) for row in await (await driver(tx)).fetch(query, tenant_id)]


async def delete(tx: AsyncConnection, tenant_id: str, webhook_id: UUID) -> bool:
    """End a subscription, and with it what waits for it."""
    told = await (await driver(tx)).execute("DELETE FROM webhooks WHERE tenant_id = $1 AND webhook_id = $2", tenant_id, webhook_id)
    return told.endswith(" 1")


async def deliveries(
    tx: AsyncConnection, tenant_id: str, webhook_id: UUID, state: State | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[Delivery]:
    """Return deliveries, the newest first."""
    at, last = after or (None, None)
    rows = await (await driver(tx)).fetch(
        f"SELECT {_DELIVERY} FROM webhook_deliveries AS delivery JOIN webhook_messages AS message ON {_OF_MESSAGE}"  # noqa: S608 - ours
        " WHERE ($3::text IS NULL OR state = $3)"
        " AND ($4::timestamptz IS NULL OR (created_at, delivery_id) < ($4, $5::uuid))"
        " ORDER BY created_at DESC, delivery_id DESC LIMIT $6",
        tenant_id, webhook_id, state, at, last, limit,
    )  # fmt: skip
    return list(map(_delivery, rows))


def _delivery(row: Any) -> Delivery:
    return Delivery(**dict(row))


async def revive(tx: AsyncConnection, tenant_id: str, webhook_id: UUID, delivery_id: UUID, now: datetime) -> Delivery | None:
    """Let an ended delivery go out once more, with all its attempts before it; None where there is none."""
    row = await (await driver(tx)).fetchrow(
        "UPDATE webhook_deliveries AS delivery SET state = 'waiting', attempts = 0, ended_at = NULL,"  # noqa: S608 - names are ours
        " next_at = CASE state WHEN 'waiting' THEN next_at ELSE $4 END"
        f" FROM webhook_messages AS message WHERE {_OF_MESSAGE} AND delivery_id = $3 RETURNING {_DELIVERY}",
        tenant_id,
        webhook_id,
        delivery_id,
        now,
    )
    await ring(tx, CHANNEL)
    return None if row is None else _delivery(row)


async def insert_replay(tx: AsyncConnection, replay: Replay) -> None:
    query = f"INSERT INTO webhook_replays ({_REPLAY}) VALUES ({_places(len(Replay.__struct_fields__))})"  # noqa: S608 - names are ours
    await (await driver(tx)).execute(query, *_values(replay))
    await ring(tx, CHANNEL)


async def get_replay(tx: AsyncConnection, tenant_id: str, webhook_id: UUID, replay_id: UUID) -> Replay | None:
    query = f"SELECT {_REPLAY} FROM webhook_replays WHERE tenant_id = $1 AND webhook_id = $2 AND replay_id = $3"  # noqa: S608 - ours
    row = await (await driver(tx)).fetchrow(query, tenant_id, webhook_id, replay_id)
    return None if row is None else Replay(**dict(row))


async def open_replays(tx: AsyncConnection, tenant_id: str, webhook_id: UUID) -> int:
    """Return how many replays of a webhook are not finished."""
    query = "SELECT count(*) FROM webhook_replays WHERE tenant_id = $1 AND webhook_id = $2 AND finished_at IS NULL"
    return int(await (await driver(tx)).fetchval(query, tenant_id, webhook_id))
