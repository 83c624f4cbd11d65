"""What the classifier takes away after its time: what models said, and what people noted beside labels. Nothing here commits."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.retention.kinds import Asked, Done, Kind
from libs.common.retention.words import FORGOTTEN, taking_out, words
from services.classifier.models.store import forget_scores


async def forget(tx: AsyncConnection, asked: Asked) -> Done:
    return Done.of(await forget_scores(tx, asked.tenant_id, asked.before.date(), asked.limit), asked.limit)


_NOTES: Final = taking_out("labels", f"note = '{FORGOTTEN}'", at="labelled_at", still=f"note NOT IN ('', '{FORGOTTEN}')")


MODEL_SCORES: Final = "model-scores"
KINDS: Final = (
    Kind(MODEL_SCORES, "what models said of claims and denials", "models", 400, 28, forget),
    words("what people noted beside labels", "labels", (_NOTES,)),  # the labels stay: models learn from them
)
