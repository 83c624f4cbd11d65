"""Odds of overturn as a subject of learning: what it reads, fits and scores (services/classifier/models/learner.py)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.classifier.models.told import Came, Fitted, Held, Judged, Tell, Window
from services.classifier.odds import store
from services.classifier.odds.making import KEEP_DAYS

_OUTCOMES_MAX: Final = 200_000


class OverturnLearner:
    """LightGBM is large: it is loaded by what runs in a job, and to score where there is a model."""

    subject: Final = "overturn"

    async def unready(self, tx: AsyncConnection, tenant_id: str, today: date) -> str | None:
        from services.classifier.odds.boosting import too_few  # noqa: PLC0415 - see the class

        return too_few(*await store.count_outcomes(tx, tenant_id, today))

    async def gather(self, tx: AsyncConnection, tenant_id: str, now: datetime, tell: Tell) -> Any:
        tell("reading", 0.1)
        return await store.outcomes(tx, tenant_id, now.date(), KEEP_DAYS, _OUTCOMES_MAX)

    def fit(self, rows: Any, live: bytes | None, tell: Tell) -> Fitted:
        from services.classifier.odds import boosting  # noqa: PLC0415 - see the class

        return boosting.fit(rows, live, tell)

    def hold(self, rows: Any, bodies: Sequence[bytes], since: date) -> Held:
        from services.classifier.odds import boosting  # noqa: PLC0415 - see the class

        return boosting.hold(rows, bodies, since)

    def read(self, body: bytes) -> Any:
        from services.classifier.odds import boosting  # noqa: PLC0415 - see the class

        return boosting.read(body)

    def score(self, scorer: Any, came: Sequence[Came]) -> Sequence[float]:
        from services.classifier.odds import boosting  # noqa: PLC0415 - see the class

        return boosting.chances_of(scorer, [each.told for each in came])

    async def came(self, tx: AsyncConnection, tenant_id: str, after: tuple[int, UUID], limit: int) -> list[Came]:
        return await store.came(tx, tenant_id, after, limit)

    async def judged(self, tx: AsyncConnection, tenant_id: str, model_ids: Sequence[UUID], window: Window) -> list[Judged]:
        return await store.judged(tx, tenant_id, model_ids, window)
