"""Which tenants are not served, as the database said a second ago at most; a request asks it once a second, whoever sends it.

While the database is away, what it said last stays in force; where it never said anything, nobody is let in.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.tenants import store
from libs.common.tenants.store import State

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0


class Standing:
    """One for an application."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._closed: Mapping[str, State] | None = None

    async def closed_as(self, database: Database, tenant_id: str) -> State | None:
        """Return the state of a tenant that is not served; None where it is. Errors: Transient where that could never be read."""
        if self._is_old():
            async with self._asking:  # who waits here finds what the one before was told
                if self._is_old():
                    await self._ask(database)
        if self._closed is None:
            raise Transient("tenants_away")
        return self._closed.get(tenant_id)

    def forget(self) -> None:
        """Let the next request ask: something was changed by this very process."""
        self._asked_at = float("-inf")

    def _is_old(self) -> bool:
        return self._seconds() - self._asked_at >= LOOK_SECONDS

    async def _ask(self, database: Database) -> None:
        began = self._seconds()
        try:
            async with database.begin() as tx:
                self._closed = await store.closed(tx)
        except Transient as error:
            log.warning("tenants_not_read", error=str(error))
            began = self._seconds()  # it may have taken long to say no: who waited does not try again at once
        self._asked_at = began
