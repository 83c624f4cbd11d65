"""Which posts told webhooks of an event, for the trail of an account."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.trails import Told

_POSTS: Final = text(
    """
    SELECT each.delivery_id AS event_id, 'post of ' || message.type AS type, COALESCE(each.ended_at, each.created_at) AS at,
           message.event_id::text AS cause, split_part(message.traceparent, '-', 2) AS trace_id, each.state = 'delivered' AS sent
    FROM webhook_messages AS message JOIN webhook_deliveries AS each USING (tenant_id, message_id)
    WHERE message.event_id = ANY(CAST(:events AS uuid[])) AND tenant_id = :tenant
    """
)


async def posts_of_events(tx: AsyncConnection, tenant_id: str, _: UUID, events: Sequence[UUID]) -> Sequence[Told]:
    """Return the posts that told of these events, delivered or not."""
    found = await tx.execute(_POSTS, {"tenant": tenant_id, "events": events})
    return [Told.model_validate({**row}) for row in found.mappings()]
