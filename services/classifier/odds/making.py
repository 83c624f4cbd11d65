"""The worker's job of odds: makes a tenant's table anew when its outcomes have changed, and keeps tables and models at hand."""

import asyncio
from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.database import Database, lock_name
from libs.common.worker import look_again
from services.classifier.odds import store
from services.classifier.odds.book import Book
from services.classifier.odds.live import LiveModels

log = structlog.get_logger()

KEEP_DAYS: Final = 1095
OUTCOMES_MAX: Final = 50_000  # of one tenant, the newest
_LOOK_SECONDS: Final = 30.0


class OddsMaker:
    """Makes tables and reads them, for ever. Several may run: the first to be done wins, and each reads what any has made."""

    def __init__(self, database: Database, clock: Clock, book: Book) -> None:
        self._database = database
        self._clock = clock
        self._book = book
        self._models = LiveModels()

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self.step, idle_seconds=_LOOK_SECONDS, waiting="odds_wait")

    async def step(self) -> float | None:
        """Make one table that is due, and read what is new; None where nothing was due."""
        made = await self._make_one()
        async with self._database.begin() as tx:
            self._book.put(await store.newest_tables(tx, self._book.versions()))
            self._book.put_models(await self._models.of_all(tx))
        return 0.0 if made else None

    async def _make_one(self) -> bool:
        now = self._clock.now()
        async with self._database.begin() as tx:
            due = await store.next_due(tx, now)
            if due is None:
                return False
            tenant_id, changes = due
            found = await store.outcomes(tx, tenant_id, now.date(), KEEP_DAYS, OUTCOMES_MAX)
            version = await store.newest_version(tx, tenant_id) + 1
        from services.classifier.odds.learning import learn  # noqa: PLC0415 - a worker without outcomes needs no arrays

        # No transaction is open meanwhile: it would hold back everybody's relay.
        table, report = await asyncio.to_thread(learn, found, now.date(), version)
        async with self._database.begin() as tx:
            await lock_name(tx, "odds", tenant_id)
            if await store.newest_version(tx, tenant_id) < version:  # else another worker was faster
                await store.insert_table(tx, tenant_id, table, report, now)
                await store.note_made(tx, tenant_id, changes, len(found), now)
                log.info("odds_made", version=version, outcomes=len(found))
        return True
