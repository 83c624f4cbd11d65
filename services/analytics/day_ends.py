"""When a day has ended: not at midnight, but once everything that was told of it by then was taken in.

What is known as of a day that has ended stays as it is: an event that comes later, since a service or the broker was away, is known
from the first day on that has not ended (handlers.py). So a figure as of such a day is final, also while the worker lags.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Final

import structlog
from aiokafka import TopicPartition

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import look_again
from services.analytics import store

log = structlog.get_logger()

_AFTER: Final = timedelta(minutes=10)  # in which what was written before midnight reaches its topic
_DAY: Final = timedelta(days=1)
_IDLE_SECONDS: Final = 60.0
_WAIT_SECONDS: Final = 5.0

Places = Mapping[TopicPartition, int]
# Asks how far the topics go, and up to where of it everything was taken in. Errors: Transient while no broker answers.
Ask = Callable[[], Awaitable[tuple[Places, Places]]]


class DayEnds:
    """Ends days, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, ask: Ask) -> None:
        self._database = database
        self._clock = clock
        self._ask = ask
        self._day = date.min
        self._wanted: Places = {}  # how far the topics went when that day was over

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self.step, idle_seconds=_IDLE_SECONDS, waiting="day_ends_wait")

    async def step(self) -> float | None:
        """End the last day that is over, if what was told of it is in; return how long to wait for what is not."""
        last = (self._clock.now() - _AFTER).date() - _DAY
        async with self._database.begin() as tx:
            through = await store.ended_through(tx)
        if through is not None and through >= last:
            return None
        ends, taken_in = await self._ask()
        if last != self._day:
            self._day, self._wanted = last, ends
        if any(taken_in.get(place, 0) < wanted for place, wanted in self._wanted.items()):
            return _WAIT_SECONDS
        async with self._database.begin() as tx:
            await store.end_days(tx, last)
        log.info("day_ended", day=last.isoformat())
        return None
