"""What analytics takes away after its time: what webhooks were told, and what people noted of alerts. Nothing here commits."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.retention.kinds import Asked, Done, Kind
from libs.common.retention.words import FORGOTTEN, taking_out, words
from services.analytics.webhooks.queue import forget as forget_messages


async def forget(tx: AsyncConnection, asked: Asked) -> Done:
    return Done.of(await forget_messages(tx, asked.tenant_id, asked.before, asked.limit), asked.limit)


_NOTES: Final = taking_out(
    "alert_steps",
    f"note = '{FORGOTTEN}'",
    at="at",
    still=f"alert_steps.note <> '{FORGOTTEN}' AND alerts.status = 'resolved'",
    join="JOIN alerts USING (tenant_id, alert_id)",
)


KINDS: Final = (
    words("what people noted of alerts that are resolved", "alerts", (_NOTES,)),
    Kind("webhook-messages", "what webhooks were told, with the log of their deliveries", "webhook_sequences", 30, 7, forget),
)
