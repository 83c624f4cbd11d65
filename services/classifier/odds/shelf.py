"""The odds at hand in an API process: a tenant's newest table and live model, looked up again once in a while."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import look_again
from services.classifier.odds import store
from services.classifier.odds.book import Book, Knowledge, Model
from services.classifier.odds.live import LiveModels

_LOOK_AGAIN: Final = timedelta(seconds=30)
_LOOK_SECONDS: Final = 2.0


class Shelf:
    """One for a process. A table is at most half a minute behind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._book = Book()
        self._live = LiveModels()
        self._models: dict[str, Model] = {}
        self._looked_at: dict[str, datetime] = {}

    async def keep_ready(self, database: Database, tenant_id: str) -> None:
        """Look up a tenant's odds before anybody asks, until cancelled: a live model takes a while to read."""

        async def step() -> None:
            async with database.begin(tenant_id) as tx:
                await self._look_up(tx, tenant_id)

        await look_again(step, idle_seconds=_LOOK_SECONDS, waiting="odds_wait")

    def at_hand(self, tenant_id: str) -> Knowledge | None:
        """Return what tells a tenant's odds where it need not be looked up."""
        looked_at = self._looked_at.get(tenant_id)
        fresh = looked_at is not None and self._clock.now() - looked_at < _LOOK_AGAIN
        return self._book.of(tenant_id) if fresh else None

    async def known(self, tx: AsyncConnection, tenant_id: str) -> Knowledge:
        """Return what tells a tenant's odds. The transaction is the tenant's."""
        if self.at_hand(tenant_id) is None:
            await self._look_up(tx, tenant_id)
        return self._book.of(tenant_id)

    async def _look_up(self, tx: AsyncConnection, tenant_id: str) -> None:
        version = await store.newest_version(tx, tenant_id)
        if version != self._book.of(tenant_id).table.version:
            found = await store.table(tx, tenant_id, version)
            if found is not None:
                self._book.put({tenant_id: found[0]})
        live = await self._live.of_all(tx)
        self._models.pop(tenant_id, None)
        self._models |= live
        self._book.put_models(self._models)
        self._looked_at[tenant_id] = self._clock.now()
