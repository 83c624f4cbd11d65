"""What analytics takes away after its time: what webhooks were told, and what people noted of alerts. Nothing here commits."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.retention.kinds import Asked, Done, Kind
from libs.common.retention.words import FORGOTTEN, take_out, taking_out
from services.analytics.webhooks.queue import forget as forget_messages


async def forget(tx: AsyncConnection, asked: Asked) -> Done:
    count = await forget_messages(tx, asked.tenant_id, asked.before, asked.limit)
    return Done(count, more=count == asked.limit)


_NOTES: Final = taking_out(
    "alert_steps",
    f"note = '{FORGOTTEN}'",
    at="at",
    still=f"alert_steps.note <> '{FORGOTTEN}' AND alerts.status = 'resolved'",
    join="JOIN alerts USING (tenant_id, alert_id)",
)


async def forget_words(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away what people noted of alerts that are resolved."""
    return await take_out(tx, asked, (_NOTES,))


KINDS: Final = (
    Kind("words", "what people noted of alerts that are resolved", "alerts", 2557, 365, forget_words),
    Kind("webhook-messages", "what webhooks were told, with the log of their deliveries", "webhook_sequences", 30, 7, forget),
)
