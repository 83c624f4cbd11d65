"""Risk of denial as a subject of learning: what it reads, fits and scores (services/classifier/models/learner.py)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.classifier.models.told import Came, Fitted, Held, Judged, Tell, Window
from services.classifier.risk import store
from services.classifier.risk.claims import days_to_submission, decode

if TYPE_CHECKING:
    from services.classifier.risk.model import Scorer

_COUNTED: Final = 20_000  # more than enough to try
_OTHERS_EACH: Final = 50_000
_TOLD_EVERY: Final = 20_000


class RiskLearner:
    """A worker holds one from its start, and most never learn or score: NumPy and LightGBM are imported by what needs them."""

    subject: Final = "risk"

    async def unready(self, tx: AsyncConnection, tenant_id: str, _: date) -> str | None:
        from services.classifier.risk.lessons import too_few  # noqa: PLC0415 - see the class

        return too_few(*await store.outcomes(tx, tenant_id, _COUNTED))

    async def gather(self, tx: AsyncConnection, tenant_id: str, _: datetime, tell: Tell) -> Any:
        """Read the tenant's claims, and those of others without names: the prior learns from them what is common to all."""
        from services.classifier.risk.columns import Book  # noqa: PLC0415 - see the class
        from services.classifier.risk.fitting import Material  # noqa: PLC0415 - see the class
        from services.classifier.risk.lessons import ROWS_MAX, Lessons, plain  # noqa: PLC0415 - see the class

        book = Book()
        own = Lessons(book)
        async for lesson in store.lessons(tx, tenant_id, ROWS_MAX):
            own.add(lesson)
            if len(own) % _TOLD_EVERY == 0:
                tell("reading", min(0.28, 0.28 * len(own) / ROWS_MAX))
        others = Lessons(book, keep=False)
        for other in await store.other_tenants(tx, tenant_id):
            async for lesson in store.lessons(tx, other, _OTHERS_EACH):
                others.add(plain(lesson))
        return Material(own, others if len(others) else None)

    def fit(self, rows: Any, live: bytes | None, tell: Tell) -> Fitted:
        from services.classifier.risk import fitting  # noqa: PLC0415 - see the class

        return fitting.fit(rows, live, tell)

    def hold(self, rows: Any, bodies: Sequence[bytes], since: date) -> Held:
        from services.classifier.risk import fitting  # noqa: PLC0415 - see the class

        return fitting.hold(rows, bodies, since.toordinal())

    def read(self, body: bytes) -> "Scorer":
        from services.classifier.risk.model import read  # noqa: PLC0415 - see the class

        return read(body)

    def score(self, scorer: Any, came: Sequence[Came]) -> Sequence[float]:
        claims = [decode(each.told) for each in came]
        asked = [(claim, days_to_submission(claim, each.judged_on)) for claim, each in zip(claims, came, strict=True)]
        found: list[float] = scorer.chances(asked).tolist()
        return found

    async def came(self, tx: AsyncConnection, tenant_id: str, after: tuple[int, UUID], limit: int) -> list[Came]:
        return await store.came(tx, tenant_id, after, limit)

    async def judged(self, tx: AsyncConnection, tenant_id: str, model_ids: Sequence[UUID], window: Window) -> list[Judged]:
        return await store.judged(tx, tenant_id, model_ids, window)
