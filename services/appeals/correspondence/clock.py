"""A job of the worker: a promise whose day is over becomes something to do.

One statement finds what is over and raises it, in one transaction: a kill leaves it as if it had not begun, several workers share
the work, and a sleep of days is caught up with once.
"""

from typing import Final

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import look_again
from services.appeals.correspondence import store

BATCH: Final = 1000
_IDLE_SECONDS: Final = 5.0
_BUSY_SECONDS: Final = 0.0


class PromiseClock:
    """Looks at what was promised, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run(self) -> None:
        """Work until cancelled."""

        async def step() -> float | None:
            return _BUSY_SECONDS if await self.miss_batch() == self._batch else None

        await look_again(step, idle_seconds=_IDLE_SECONDS, waiting="promise_clock_waits")

    async def miss_batch(self) -> int:
        """Raise one batch; return how many promises it held."""
        async with self._database.begin() as tx:
            return await store.miss_promises(tx, self._clock.now(), self._batch)
