"""The odds at hand in an API process: a tenant's newest table, looked up again once in a while and not at every request."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from services.classifier.odds import store
from services.classifier.odds.book import Book
from services.classifier.odds.table import Table

_LOOK_AGAIN: Final = timedelta(seconds=30)


class Shelf:
    """One for a process. A table is at most half a minute behind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._book = Book()
        self._looked_at: dict[str, datetime] = {}

    def at_hand(self, tenant_id: str) -> Table | None:
        """Return a tenant's table where it need not be looked up."""
        looked_at = self._looked_at.get(tenant_id)
        fresh = looked_at is not None and self._clock.now() - looked_at < _LOOK_AGAIN
        return self._book.of(tenant_id) if fresh else None

    async def table(self, tx: AsyncConnection, tenant_id: str) -> Table:
        """Return a tenant's table. The transaction is the tenant's."""
        if self.at_hand(tenant_id) is None:
            version = await store.newest_version(tx, tenant_id)
            if version != self._book.of(tenant_id).version:
                found = await store.table(tx, tenant_id, version)
                if found is not None:
                    self._book.put({tenant_id: found[0]})
            self._looked_at[tenant_id] = self._clock.now()
        return self._book.of(tenant_id)
