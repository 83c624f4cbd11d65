"""A job of the worker: bytes that no row names, or that no document needs any more, are forgotten.

Such bytes are left by uploads that were broken off (a crash between the bytes and their row) and by documents that were deleted.
"""

from datetime import timedelta
from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import look_again
from services.appeals.documents import store
from services.appeals.documents.blobs import Blobs

log = structlog.get_logger()

GRACE: Final = timedelta(hours=6)  # far longer than an upload lasts, or a packet is built from what was just deleted
_REST_SECONDS: Final = 3600.0


class BlobSweep:
    """Sweeps once an hour, for ever. Several at once do no harm."""

    def __init__(self, database: Database, clock: Clock, blobs: Blobs) -> None:
        self._database = database
        self._clock = clock
        self._blobs = blobs

    async def run(self) -> None:
        await look_again(self._step, idle_seconds=_REST_SECONDS, waiting="document_sweep_waits")

    async def _step(self) -> None:
        await self.sweep()

    async def sweep(self) -> int:
        """Forget what is not needed; return how many."""
        before = self._clock.now() - GRACE
        async with self._database.begin() as tx:
            unneeded = await store.let_go(tx, before)
        await self._blobs.discard(unneeded)
        count = len(unneeded)
        async for keys in self._blobs.older_than(before):
            async with self._database.begin() as tx:
                orphans = await store.unknown_keys(tx, keys)
            await self._blobs.discard(orphans)
            count += len(orphans)
        count += await self._blobs.discard_unfinished(before)
        if count:
            log.info("documents_swept", count=count)
        return count
