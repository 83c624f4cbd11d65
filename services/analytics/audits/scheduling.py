"""A job of the worker: audits are made of their schedules, each period's once.

An audit and the day of the next one are written in one transaction: a kill leaves both as they were. A sleep of weeks is caught up
with, period by period. It is of what came to be known in its period, and is made once the last day of that has ended (day_ends.py):
each denial is in one, however late it was told of.
"""

from typing import Final

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.ids import uuid7
from libs.common.orders import CLOCKS_APART
from libs.common.worker import work_off
from services.analytics.audits import schedules_store, store
from services.analytics.audits.plans import plan_for
from services.analytics.audits.store import Audit
from services.analytics.cadence import after, ended
from services.analytics.store import ended_through

_POLL_SECONDS: Final = 30.0


class Scheduler:
    """Makes what is due, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.make_one, idle_seconds=_POLL_SECONDS, waiting="audit_schedules_wait")

    async def make_one(self) -> int:
        """Make one audit that is due; return how many were made."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            due = await schedules_store.take_due(tx, await ended_through(tx))
            if due is None:
                return 0
            _, last = ended(due.cadence, due.next_on)
            audit = Audit(
                due.tenant_id,
                uuid7(),
                plan_for(due.plan, due.cadence, due.next_on),
                last,
                "drawing",
                created_at=now,
                leased_until=now - CLOCKS_APART,
                schedule_id=due.schedule_id,
                period_on=due.next_on,
            )
            await store.insert(tx, audit)
            await schedules_store.advance(tx, due, after(due.cadence, due.next_on))
        return 1
