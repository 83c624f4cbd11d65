"""What the classifier takes away after its time: what models said, and what people noted beside labels. Nothing here commits."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.retention.kinds import Asked, Done, Kind
from libs.common.retention.words import FORGOTTEN, take_out, taking_out
from services.classifier.models.store import forget_scores


async def forget(tx: AsyncConnection, asked: Asked) -> Done:
    count = await forget_scores(tx, asked.tenant_id, asked.before.date(), asked.limit)
    return Done(count, more=count == asked.limit)


_NOTES: Final = taking_out("labels", f"note = '{FORGOTTEN}'", at="labelled_at", still=f"note NOT IN ('', '{FORGOTTEN}')")


async def forget_words(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away what people noted beside labels; the labels stay, models learn from them."""
    return await take_out(tx, asked, (_NOTES,))


MODEL_SCORES: Final = "model-scores"
KINDS: Final = (
    Kind(MODEL_SCORES, "what models said of claims and denials", "models", 400, 28, forget),
    Kind("words", "what people noted beside labels", "labels", 2557, 365, forget_words),
)
