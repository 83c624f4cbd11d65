"""What a subject brings so that models of it can be trained, evaluated and watched.

`gather`, `fit` and `hold` run in the process of a job, never in a service's own: they take time and memory. `gather` reads, in a
transaction that may only read; `fit` and `hold` compute and do no I/O. The others are short: the worker scores what came with the
live model and with the one in the shadow, and keeps both scores (`model_scores`), and `judged` finds what came of it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.classifier.models.life import Subject
from services.classifier.models.told import Came, Fitted, Held, Judged, Tell, Window


class Learner(Protocol):
    """One subject. `rows` is whatever `gather` returns, a scorer whatever `read` makes of a model's file."""

    @property
    def subject(self) -> Subject: ...

    async def unready(self, tx: AsyncConnection, tenant_id: str, today: date) -> str | None:
        """Say in one sentence why nothing can be learned yet, cheaply; None: it can be tried."""

    async def gather(self, tx: AsyncConnection, tenant_id: str, now: datetime, tell: Tell) -> Any:
        """Read what there is to learn from."""

    def fit(self, rows: Any, live: bytes | None, tell: Tell) -> Fitted:
        """Fit on the past, measure on the newest period, the live model too. Errors: Refused."""

    def hold(self, rows: Any, bodies: Sequence[bytes], since: date) -> Held:
        """Measure models on outcomes of what came after a day. Errors: Refused where these are too few."""

    def read(self, body: bytes) -> Any:
        """Make a scorer of a file."""

    def score(self, scorer: Any, came: Sequence[Came]) -> Sequence[float]:
        """Return the chance that a model gives each; without I/O."""

    async def came(self, tx: AsyncConnection, tenant_id: str, after: tuple[int, UUID], limit: int) -> list[Came]:
        """Return what can be scored, in the order of writing, from after a place on."""

    async def judged(self, tx: AsyncConnection, tenant_id: str, model_ids: Sequence[UUID], window: Window) -> list[Judged]:
        """Return a part of what models said in some days, the same of each model, beside what came of it."""
