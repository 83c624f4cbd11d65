"""The worker's job of audits: it draws what was asked for.

The population is read in one moment's view that writes nothing, so that no relay waits for it. A worker that is killed leaves its
lease to run out; the next one draws the same sample, for it follows from the plan and the day alone.
"""

import asyncio
from datetime import date, timedelta
from typing import Final

from libs.common.clock import Clock
from libs.common.database import Database, freeze
from libs.common.worker import look_again
from services.analytics import queries
from services.analytics.audits import store
from services.analytics.audits.population import units
from services.analytics.audits.sampling import CannotDraw, Unit, draw
from services.analytics.audits.store import Audit
from services.analytics.store import ended_through

_LEASE: Final = timedelta(minutes=10)
_POPULATION_MAX: Final = 2_000_000


class Drawer:
    """Draws samples, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self.step, waiting="audit_waits", orders=self._database.listener)

    async def step(self) -> float | None:
        """Draw one; None where there is none."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            audit = await store.take(tx, now, now + _LEASE)
        if audit is None:
            return None
        try:
            population, through = await self._population(audit)
            sample = await asyncio.to_thread(draw, audit.plan, population)
        except CannotDraw as error:
            async with self._database.begin() as tx:
                await store.fail(tx, audit, error.reason)
            return 0.0
        async with self._database.begin() as tx:
            await store.keep_sample(tx, audit, sample, through, self._clock.now())
        return 0.0

    async def _population(self, audit: Audit) -> tuple[list[Unit], date | None]:
        """Return what is drawn from, and the last day that had ended. Errors: CannotDraw."""
        found: list[Unit] = []
        async with self._database.begin() as tx:
            await freeze(tx)
            through = await ended_through(tx)
            async for some in queries.accounts(tx, audit.tenant_id, with_denials=True):
                for claim_key, facts in some:
                    found += units(audit.plan, audit.as_of, claim_key, facts)
                if len(found) > _POPULATION_MAX:
                    raise CannotDraw("population_too_large")
        return found, through
