"""Which model judges the risk of a tenant's claims: the live one, else rates of what came so far, made anew every minute or so."""

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import look_again
from services.classifier.models.registry import Altered, Ready, Registry
from services.classifier.risk import store
from services.classifier.risk.claims import Lesson
from services.classifier.risk.columns import Book
from services.classifier.risk.lessons import Lessons
from services.classifier.risk.model import Scorer, read
from services.classifier.risk.rates import rates_model

_ROWS: Final = 10_000  # the newest ones: a tenant with more trains a model
_AMONG: Final = 200_000  # claims: the newest ones are not answered yet
_FRESH: Final = timedelta(minutes=1)
_LOOK_SECONDS: Final = 2.0


class Judge(Struct, frozen=True):
    """A scorer and the name by which its answers are told."""

    name: str
    scorer: Scorer


class _Cold(Struct, frozen=True):
    made_at: datetime
    judge: Judge


class RiskJudges:
    """One for a process."""

    def __init__(self) -> None:
        self._registry: Registry[Scorer] = Registry("risk", read)
        self._cold: dict[str, _Cold] = {}
        self._making: dict[str, asyncio.Task[Judge]] = {}

    async def of(self, database: Database, tenant_id: str, now: datetime) -> Judge:
        """Return who judges. Errors: Altered."""
        async with database.begin(tenant_id) as tx:
            live: Ready[Scorer] | None = await self._registry.live(tx, tenant_id)
        if live is not None:
            return Judge(live.name, live.scorer)
        known = self._cold.get(tenant_id)
        if known is None or now - known.made_at > _FRESH:
            making = self._making.get(tenant_id)
            if making is None or making.done():
                making = self._making[tenant_id] = asyncio.create_task(self._make(database, tenant_id, now))
            if known is None:
                return await asyncio.shield(making)  # whoever asked may be gone before: the next one finds it made
        return known.judge

    async def keep_ready(self, database: Database, tenant_id: str, clock: Clock) -> None:
        """Read a model as soon as it is live, until cancelled: whoever checks claims does not wait for that."""

        async def step() -> None:
            async with database.begin(tenant_id) as tx:
                with contextlib.suppress(Altered):  # whoever asks is told
                    live = await self._registry.live(tx, tenant_id)
                    if live is not None:
                        return
            if tenant_id not in self._cold:
                await self._make(database, tenant_id, clock.now())

        await look_again(step, idle_seconds=_LOOK_SECONDS, waiting="risk_models_wait")

    async def _make(self, database: Database, tenant_id: str, now: datetime) -> Judge:
        async with database.begin(tenant_id) as tx:
            found = await store.newest_lessons(tx, tenant_id, _ROWS, _AMONG)
        judge = await asyncio.to_thread(_rates, found, now)
        self._cold[tenant_id] = _Cold(now, judge)
        return judge


def _rates(found: list[Lesson], now: datetime) -> Judge:
    lessons = Lessons(Book(), keep=False)
    for lesson in found:
        lessons.add(lesson)
    name = f"rates of {len(lessons):,} claims" if len(lessons) else "published rates"
    return Judge(name, Scorer(rates_model(lessons, now.date().toordinal() + 1)))
