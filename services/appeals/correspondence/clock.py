"""A job of the worker: a promise whose day is over becomes something to do.

One statement finds what is over and raises it, in one transaction: a kill leaves it as if it had not begun, several workers share
the work, and a sleep of days is caught up with once.
"""

from typing import Final

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import work_off
from services.appeals.correspondence import store

BATCH: Final = 1000
_IDLE_SECONDS: Final = 5.0


class PromiseClock:
    """Looks at what was promised, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.miss_batch, full=self._batch, idle_seconds=_IDLE_SECONDS, waiting="promise_clock_waits")

    async def miss_batch(self) -> int:
        """Raise one batch; return how many promises it held."""
        async with self._database.begin() as tx:
            return await store.miss_promises(tx, self._clock.now(), self._batch)
