"""SQL of what is to be posted: numbered, queued for each webhook, leased, ended, replayed, forgotten; nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, touched
from libs.common.orders import ring
from services.analytics.webhooks.messages import CHANNEL
from services.analytics.webhooks.rules import Health, Share, Waiting

# One step of an index for each tenant, however much of each waits.
_NEW_TENANTS: Final = """
WITH RECURSIVE found AS (
    (SELECT tenant_id FROM webhook_messages WHERE sequence IS NULL ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT tenant_id FROM webhook_messages WHERE sequence IS NULL AND tenant_id > found.tenant_id ORDER BY tenant_id LIMIT 1
    ) FROM found WHERE found.tenant_id IS NOT NULL
) SELECT tenant_id FROM found WHERE tenant_id IS NOT NULL
"""
# In the order of transactions and inside each: what commits late is numbered late, and nothing is passed over.
_FAN_OUT: Final = """
WITH taken AS MATERIALIZED (
    SELECT message_id, type, occurred_at, webhook_id, $2 + row_number() OVER (ORDER BY changed_xid, place) AS sequence FROM (
        SELECT message_id, type, occurred_at, webhook_id, changed_xid, place FROM webhook_messages
        WHERE tenant_id = $1 AND sequence IS NULL AND changed_xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY changed_xid, place LIMIT $4
    ) AS due
), numbered AS (
    UPDATE webhook_messages AS message SET sequence = taken.sequence FROM taken
    WHERE message.tenant_id = $1 AND message.message_id = taken.message_id
), queued AS (
    INSERT INTO webhook_deliveries
        (tenant_id, delivery_id, webhook_id, message_id, sequence, previous, state, attempts, next_at, created_at)
    SELECT $1, gen_random_uuid(), webhook.webhook_id, message_id, sequence,
        coalesce(lag(sequence) OVER (PARTITION BY webhook.webhook_id ORDER BY sequence), last_sequence), 'waiting', 0, $3, $3
    FROM taken JOIN webhooks AS webhook ON webhook.tenant_id = $1 AND disabled_at IS NULL AND occurred_at >= webhook.created_at
        AND CASE WHEN taken.webhook_id IS NULL THEN taken.type = ANY(event_types) ELSE taken.webhook_id = webhook.webhook_id END
    RETURNING webhook_id, sequence
), moved AS (
    UPDATE webhooks SET last_sequence = latest
    FROM (SELECT webhook_id, max(sequence) AS latest FROM queued GROUP BY webhook_id) AS told
    WHERE webhooks.tenant_id = $1 AND webhooks.webhook_id = told.webhook_id
)
SELECT count(*) FROM taken
"""
_WAITING: Final = """
SELECT tenant_id, webhook_id, failures FROM webhooks AS webhook
WHERE disabled_at IS NULL AND (paused_until IS NULL OR paused_until <= $1) AND EXISTS (
    SELECT FROM webhook_deliveries AS each
    WHERE each.tenant_id = webhook.tenant_id AND each.webhook_id = webhook.webhook_id AND state = 'waiting' AND next_at <= $1
) ORDER BY tenant_id, webhook_id
"""
_LEASE: Final = """
WITH due AS MATERIALIZED (
    SELECT found.* FROM unnest($1::text[], $2::uuid[], $3::int[]) AS asked (tenant_id, webhook_id, batch) CROSS JOIN LATERAL (
        SELECT each.tenant_id, each.delivery_id FROM webhook_deliveries AS each
        WHERE each.tenant_id = asked.tenant_id AND each.webhook_id = asked.webhook_id AND state = 'waiting' AND next_at <= $4
        ORDER BY next_at, sequence LIMIT asked.batch FOR UPDATE SKIP LOCKED
    ) AS found
)
UPDATE webhook_deliveries AS delivery SET next_at = $5 FROM due, webhooks AS webhook, webhook_messages AS message
WHERE delivery.tenant_id = due.tenant_id AND delivery.delivery_id = due.delivery_id
    AND webhook.tenant_id = delivery.tenant_id AND webhook.webhook_id = delivery.webhook_id
    AND message.tenant_id = delivery.tenant_id AND message.message_id = delivery.message_id
RETURNING delivery.tenant_id, delivery.webhook_id, delivery.delivery_id, delivery.sequence, delivery.previous, delivery.attempts,
    delivery.next_at AS lease, type, occurred_at, told, traceparent, url, secret, old_secret, old_secret_until
"""
_END: Final = """
UPDATE webhook_deliveries AS delivery SET state = ended.state, next_at = ended.next_at, ended_at = ended.ended_at,
    attempts = delivery.attempts + (ended.tried IS NOT NULL)::int, last_outcome = coalesce(ended.outcome, delivery.last_outcome),
    tried = CASE WHEN ended.tried IS NOT NULL AND jsonb_array_length(delivery.tried) >= 20 THEN delivery.tried - 0
        ELSE delivery.tried END || coalesce(ended.tried::jsonb, '[]')
FROM unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[])
    AS ended (tenant_id, delivery_id, lease, state, outcome, next_at, ended_at, tried)
WHERE delivery.tenant_id = ended.tenant_id AND delivery.delivery_id = ended.delivery_id AND delivery.state = 'waiting'
    AND delivery.next_at = ended.lease
"""
_REPLAY: Final = """
WITH found AS MATERIALIZED (
    SELECT message_id, sequence, occurred_at FROM webhook_messages AS message
    WHERE tenant_id = $1 AND occurred_at >= $3 AND occurred_at < $4 AND sequence IS NOT NULL
        AND ($5::timestamptz IS NULL OR (occurred_at, sequence) > ($5, $6::bigint))
        AND CASE WHEN message.webhook_id IS NULL THEN type = ANY($7::text[]) ELSE message.webhook_id = $2 END
    ORDER BY occurred_at, sequence LIMIT $9
), queued AS (
    INSERT INTO webhook_deliveries AS delivery
        (tenant_id, delivery_id, webhook_id, message_id, sequence, previous, state, attempts, next_at, created_at)
    SELECT $1, gen_random_uuid(), $2, message_id, sequence, NULL, 'waiting', 0, $8, $8 FROM found ORDER BY sequence
    ON CONFLICT (tenant_id, message_id, webhook_id) DO UPDATE
        SET state = 'waiting', attempts = 0, next_at = excluded.next_at, ended_at = NULL WHERE delivery.state <> 'waiting'
    RETURNING delivery_id
)
SELECT (SELECT count(*) FROM queued) AS queued, count(*) AS seen, max(occurred_at) AS after_at,
    (SELECT sequence FROM found ORDER BY occurred_at DESC, sequence DESC LIMIT 1) AS after_sequence
FROM found
"""

_encode: Final = msgspec.json.Encoder().encode


async def new_tenants(tx: AsyncConnection) -> list[str]:
    """Return the tenants with something that is not queued yet."""
    return [row["tenant_id"] for row in await (await driver(tx)).fetch(_NEW_TENANTS)]


async def fan_out(tx: AsyncConnection, tenant_id: str, now: datetime, limit: int) -> int:
    """Number what is new of a tenant, and queue it for each webhook that subscribed; return how much it was.

    0 also where another worker is at it.
    """
    connection = await driver(tx)
    await connection.execute("INSERT INTO webhook_sequences (tenant_id, last) VALUES ($1, 0) ON CONFLICT DO NOTHING", tenant_id)
    query = "SELECT last FROM webhook_sequences WHERE tenant_id = $1 FOR UPDATE SKIP LOCKED"
    last = await connection.fetchval(query, tenant_id)
    if last is None:
        return 0
    # Nobody ends one of them while something is queued for it.
    await connection.execute("SELECT FROM webhooks WHERE tenant_id = $1 ORDER BY webhook_id FOR NO KEY UPDATE", tenant_id)
    taken: int = await connection.fetchval(_FAN_OUT, tenant_id, last, now, limit)
    if taken:
        await ring(tx, CHANNEL)
    await connection.execute("UPDATE webhook_sequences SET last = $2 WHERE tenant_id = $1", tenant_id, last + taken)
    return taken


class Leased(Struct, frozen=True):
    """One post to be made. `lease`: until when it is ours."""

    tenant_id: str
    webhook_id: UUID
    delivery_id: UUID
    sequence: int
    previous: int | None
    attempts: int
    lease: datetime
    type: str
    occurred_at: datetime
    told: bytes
    traceparent: str | None
    url: str
    secret: bytes
    old_secret: bytes | None
    old_secret_until: datetime | None


async def waiting(tx: AsyncConnection, now: datetime) -> list[Waiting]:
    """Return the webhooks, of all tenants, with something that is due."""
    return [Waiting(**dict(row)) for row in await (await driver(tx)).fetch(_WAITING, now)]


async def lease(tx: AsyncConnection, shares: Mapping[tuple[str, UUID], Share], now: datetime, until: datetime) -> list[Leased]:
    """Take what is due, so that nobody else does before `until`; in the order in which it is posted."""
    tenants, webhooks = [key[0] for key in shares], [key[1] for key in shares]
    batches = [each.batch for each in shares.values()]
    rows = await (await driver(tx)).fetch(_LEASE, tenants, webhooks, batches, now, until)
    return sorted((Leased(**dict(row)) for row in rows), key=lambda each: each.sequence)


class Ended(Struct, frozen=True):
    """How an attempt ended. `tried` None: it was not made, and is given back."""

    delivery: Leased
    state: str
    next_at: datetime
    ended_at: datetime | None
    outcome: str | None = None
    tried: Mapping[str, Any] | None = None


async def end(tx: AsyncConnection, ended: Sequence[Ended]) -> None:
    """Write how attempts ended, where their leases still hold."""
    columns: list[list[Any]] = [
        [each.delivery.tenant_id for each in ended],
        [each.delivery.delivery_id for each in ended],
        [each.delivery.lease for each in ended],
        [each.state for each in ended],
        [each.outcome for each in ended],
        [each.next_at for each in ended],
        [each.ended_at for each in ended],
        [None if each.tried is None else _encode(each.tried).decode() for each in ended],
    ]
    await (await driver(tx)).execute(_END, *columns)


async def lock_health(tx: AsyncConnection, tenant_id: str, webhook_id: UUID) -> Health | None:
    """Return how an address does, and let nobody else judge it until the commit; None where it is disabled or gone."""
    row = await (await driver(tx)).fetchrow(
        "SELECT failures, failing_since, paused_until FROM webhooks"
        " WHERE tenant_id = $1 AND webhook_id = $2 AND disabled_at IS NULL FOR NO KEY UPDATE",
        tenant_id,
        webhook_id,
    )
    return None if row is None else Health(**dict(row))


async def write_health(tx: AsyncConnection, tenant_id: str, webhook_id: UUID, health: Health, now: datetime) -> None:
    await (await driver(tx)).execute(
        "UPDATE webhooks SET failures = $3, failing_since = $4, paused_until = $5, disabled_reason = $6,"
        " disabled_at = CASE WHEN $6::text IS NULL THEN NULL ELSE $7::timestamptz END WHERE tenant_id = $1 AND webhook_id = $2",
        tenant_id,
        webhook_id,
        health.failures,
        health.failing_since,
        health.paused_until,
        health.disabled_reason,
        now,
    )


async def replay_some(tx: AsyncConnection, now: datetime, limit: int) -> int:
    """Go on with the oldest replay that is not finished; return how many messages were looked at, 0 where there is none."""
    connection = await driver(tx)
    row = await connection.fetchrow(
        "SELECT replay.*, event_types FROM webhook_replays AS replay JOIN webhooks USING (tenant_id, webhook_id)"
        " WHERE finished_at IS NULL ORDER BY replay.created_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
    )
    if row is None:
        return 0
    found = await connection.fetchrow(
        _REPLAY, row["tenant_id"], row["webhook_id"], row["from_at"], row["to_at"], row["after_at"], row["after_sequence"],
        row["event_types"], now, limit,
    )  # fmt: skip
    if found is None:
        return 0
    if found["queued"]:
        await ring(tx, CHANNEL)
    await connection.execute(
        "UPDATE webhook_replays SET queued = queued + $3, after_at = coalesce($4, after_at),"
        " after_sequence = coalesce($5, after_sequence), finished_at = $6 WHERE tenant_id = $1 AND replay_id = $2",
        row["tenant_id"],
        row["replay_id"],
        found["queued"],
        found["after_at"],
        found["after_sequence"],
        now if found["seen"] < limit else None,
    )
    return max(int(found["seen"]), 1)


async def forget(tx: AsyncConnection, tenant_id: str, before: datetime, limit: int) -> int:
    """Drop some of what a tenant was told before a moment, with its deliveries; return how much it was."""
    told = await (await driver(tx)).execute(
        "DELETE FROM webhook_messages WHERE tenant_id = $1 AND message_id IN (SELECT message_id FROM webhook_messages"
        " WHERE tenant_id = $1 AND occurred_at < $2 ORDER BY occurred_at LIMIT $3)",
        tenant_id,
        before,
        limit,
    )
    return touched(told)
