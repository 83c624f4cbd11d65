"""The worker's job that makes releases of the files that were sent: written where nobody sees it, then live all at once.

Killed anywhere, a load is begun again from its file by whoever finds its lease run out; the release before stays live until then. A
load that ended its worker three times is given up.
"""

import asyncio
import contextlib
import io
import itertools
import tempfile
from datetime import datetime, timedelta
from typing import IO, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.worker import work_off
from services.ingest.checks.reference import FEE_SCHEDULE
from services.ingest.followups.store import touch_claims_of_schedule
from services.ingest.packing import unpack
from services.ingest.reference import load_store, store
from services.ingest.reference.broken import BrokenTable
from services.ingest.reference.formats import read_rows
from services.ingest.reference.load_store import Load

log = structlog.get_logger()

LEASE: Final = timedelta(seconds=15)
_ROWS_AT_ONCE = 5000  # a transaction each: one that stays open holds up every relay
_CLAIMS_AT_ONCE = 5000
_ATTEMPTS_MAX = 3
_SMALLER = 9, 10  # a release loses at most a tenth of its rows from one quarter to the next
_SPOOL_BYTES = 8 * 1024 * 1024


class LeaseLost(Exception):  # noqa: N818 - not an error: somebody else works on the load now
    """This worker was away for so long that another one took the load over."""


class ReferenceLoader:
    """Loads files that wait, one at a time, for ever. Several may run: a lease keeps them apart."""

    def __init__(self, database: Database, clock: Clock, *, lease: timedelta = LEASE, rows_at_once: int = _ROWS_AT_ONCE) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease
        self._rows_at_once = rows_at_once

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.load_next, waiting="reference_load_waits", orders=self._database.listener)

    async def load_next(self) -> bool:
        """Load one waiting file to its end; False when none waits."""
        async with self._database.begin() as tx:
            leased = await load_store.lease(tx, self._lease)
        if leased is None:
            return False
        load, held = leased
        work = _Work(self._database, self._clock, load, held, self._lease)
        try:
            await work.do(self._rows_at_once)
        except (asyncio.CancelledError, Transient):
            with contextlib.suppress(Transient):
                await work.give_back()
            raise
        except LeaseLost:
            log.warning("lease_lost", job="reference_load")
        return True


class _Work:
    """One load under a lease, step by step; it exists so that the steps share how far they are."""

    def __init__(self, database: Database, clock: Clock, load: Load, held: datetime, lease: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._load = load
        self._held = held
        self._lease = lease
        self._release_id: int | None = None
        self._bytes_read = self._rows = 0

    async def do(self, rows_at_once: int) -> None:
        """Load it, or say why not. Errors: LeaseLost, Transient."""
        load = self._load
        if load.before is not None:
            await self._purge(load.before)
        if load.attempts > _ATTEMPTS_MAX:
            await self._end("failed", "gave_up")
            return
        async with self._database.begin() as tx:
            unused = await store.unused_releases(tx, load.tenant_id, load.name, self._clock.now())
            before = 0 if load.smaller else await store.rows_before(tx, load.tenant_id, load.name)
        for release_id in unused:
            await self._purge(release_id)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            await self._unpack(spool)
            try:
                release_id = await self._write(spool, rows_at_once)
            except BrokenTable as error:
                await self._refuse(error.reason, error.line)
                return
        if self._rows * _SMALLER[1] < before * _SMALLER[0]:
            await self._refuse("much_smaller", None)
            return
        async with self._database.begin() as tx:
            await self._hold(tx)
            await store.switch(tx, load.tenant_id, load.name, load.quarter, release_id, self._rows)
        if load.name == FEE_SCHEDULE:
            await self._look_anew(release_id)
        await self._end("live", None)

    async def _unpack(self, spool: IO[bytes]) -> None:
        for ordinal in itertools.count():
            async with self._database.begin() as tx:
                body = await load_store.chunk(tx, self._load, ordinal)
            if body is None:
                break
            spool.write(unpack(body))
        spool.seek(0)

    async def _write(self, spool: IO[bytes], rows_at_once: int) -> int:
        """Write the rows where nobody sees them; return the release. Errors: BrokenTable."""
        load = self._load
        async with self._database.begin() as tx:
            at = self._clock.now()
            release_id = await store.open_release(tx, load.tenant_id, load.name, load.quarter, load.sha256, at)
            self._release_id = release_id
            await self._hold(tx)
        text = io.TextIOWrapper(spool, encoding="latin-1", newline="")  # named, or its end would close the file under it
        rows = read_rows(load.name, text, load.quarter)
        while chunk := list(itertools.islice(rows, rows_at_once)):
            async with self._database.begin() as tx:
                await store.insert_rows(tx, load.tenant_id, load.name, release_id, chunk)
                self._rows += len(chunk)
                self._bytes_read = spool.tell()
                await self._hold(tx)
            await asyncio.sleep(0)  # the relay shares this process
        return release_id

    async def _hold(self, tx: AsyncConnection) -> None:
        held = await load_store.hold(
            tx, self._load, self._held, self._lease, bytes_read=self._bytes_read, rows=self._rows, release_id=self._release_id
        )
        if held is None:
            raise LeaseLost
        self._held = held

    async def _refuse(self, reason: str, line: int | None) -> None:
        """Take away what was written, then say why."""
        written, self._release_id = self._release_id, None
        if written is not None:
            await self._purge(written)
        await self._end("refused", reason, line)

    async def _look_anew(self, release_id: int) -> None:
        """Have the claims of a schedule's payers held against it; broken off, it is done again with the whole load."""
        place: UUID | None = UUID(int=0)
        while place is not None:
            async with self._database.begin() as tx:
                tenant_id, now = self._load.tenant_id, self._clock.now()
                place = await touch_claims_of_schedule(tx, tenant_id, release_id, place, _CLAIMS_AT_ONCE, now)
                await self._hold(tx)

    async def _end(self, status: str, reason: str | None, line: int | None = None) -> None:
        async with self._database.begin() as tx:
            await self._hold(tx)
            await load_store.finish(tx, self._load, status, self._clock.now(), reason=reason, line=line)

    async def _purge(self, release_id: int) -> None:
        more = True
        while more:
            async with self._database.begin() as tx:
                more = await store.purge(tx, self._load.tenant_id, self._load.name, release_id)
                await self._hold(tx)

    async def give_back(self) -> None:
        async with self._database.begin() as tx:
            await load_store.give_back(tx, self._load, self._held)
