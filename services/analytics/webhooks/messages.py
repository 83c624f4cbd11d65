"""What webhooks are to tell is kept in the transaction in which it happens, where somebody of its tenant subscribed to it.

It is numbered and queued later, by a job (`fanning.py`): no batch of events waits for that. SQL; nothing here commits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Received
from libs.common.database import driver
from libs.common.ids import uuid7
from libs.common.orders import ring

CHANNEL: Final = "recours_webhooks"  # apart from other orders: it rings with every batch that somebody subscribed to
_COLUMNS: Final = ("tenant_id", "message_id", "type", "occurred_at", "told", "event_id", "traceparent")
_SUBSCRIBED: Final = """
SELECT DISTINCT tenant_id, unnest(event_types) AS type, now() AS now FROM webhooks WHERE tenant_id = ANY ($1::text[])
"""
_KEEP: Final = """
INSERT INTO webhook_messages (tenant_id, message_id, type, occurred_at, told)
SELECT $1, message_id, $3, $4, told FROM unnest($2::uuid[], $5::bytea[]) AS kept (message_id, told)
WHERE EXISTS (SELECT FROM webhooks WHERE tenant_id = $1 AND $3 = ANY(event_types))
"""


async def keep_events(tx: AsyncConnection, received: Sequence[Received[Any]]) -> None:
    """Keep what a batch of events tells, as it came, in its order."""
    connection = await driver(tx)
    subscribed = await connection.fetch(_SUBSCRIBED, list({each.tenant_id for each in received}))
    if not subscribed:
        return
    wanted = {(row["tenant_id"], row["type"]): row["now"] for row in subscribed}
    rows = [
        (each.tenant_id, uuid7(), type_, wanted[each.tenant_id, type_], each.value, each.id, each.traceparent)
        for each in received
        if (each.tenant_id, type_ := type_of(each.type)) in wanted
    ]
    if rows:
        await connection.copy_records_to_table("webhook_messages", columns=_COLUMNS, records=rows)
        await ring(tx, CHANNEL)


def type_of(type_: str) -> str:
    """Return what webhooks call an event: `recours.denial.classified.v1` is `denial.classified`."""
    return type_.removeprefix("recours.").removesuffix(".v1")


async def keep(tx: AsyncConnection, tenant_id: str, type_: str, told: Sequence[bytes], now: datetime) -> None:
    """Keep what happened to a tenant; `told` is JSON."""
    await (await driver(tx)).execute(_KEEP, tenant_id, [uuid7() for _ in told], type_, now, list(told))
    await ring(tx, CHANNEL)


async def keep_for(tx: AsyncConnection, tenant_id: str, webhook_id: UUID, type_: str, told: bytes, now: datetime) -> UUID:
    """Keep what is for one webhook alone, whatever it subscribed to; return its id."""
    message_id = uuid7()
    await (await driver(tx)).execute(
        "INSERT INTO webhook_messages (tenant_id, message_id, type, occurred_at, told, webhook_id) VALUES ($1, $2, $3, $4, $5, $6)",
        tenant_id,
        message_id,
        type_,
        now,
        told,
        webhook_id,
    )
    await ring(tx, CHANNEL)
    return message_id
