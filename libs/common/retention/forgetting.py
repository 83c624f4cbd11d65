"""A job of the worker: takes away what is past its time, some rows a transaction, each with its entry in the audit log.

Killed anywhere, it goes on with what is left. What is under legal hold stays, and is looked at again an hour later.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.audit.entries import Entry, insertion
from libs.common.clock import Clock
from libs.common.database import Database, driver
from libs.common.ids import uuid7
from libs.common.retention import store
from libs.common.retention.kinds import Asked, Kind
from libs.common.tenants.holds import is_held
from libs.common.worker import look_again

log = structlog.get_logger()

AT_ONCE: Final = 500
SUBJECT: Final = "recours"  # whose act it is: nobody's who has a token
_REST_SECONDS: Final = 3600.0


class Forgetter:
    """Works for ever, each kind of each tenant once an hour. Several may run."""

    def __init__(self, database: Database, clock: Clock, kinds: Sequence[Kind]) -> None:
        self._database = database
        self._clock = clock
        self._kinds = kinds

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self._step, idle_seconds=_REST_SECONDS, waiting="retention_waits")

    async def _step(self) -> None:
        await self.forget()

    async def forget(self, limit: int = AT_ONCE) -> int:
        """Take away all that is past its time; return how much that was. Errors: Transient."""
        count = 0
        for kind in self._kinds:
            async with self._database.begin() as tx:
                tenants = await store.tenants(tx, kind)
            for tenant_id in tenants:
                more = True
                while more:
                    gone, more = await self._some(kind, tenant_id, limit)
                    count += gone
        return count

    async def _some(self, kind: Kind, tenant_id: str, limit: int) -> tuple[int, bool]:
        async with self._database.begin(tenant_id) as tx:
            if kind.forget is None or await is_held(tx, tenant_id):
                return 0, False
            days, reached = await store.kept(tx, tenant_id, kind)
            before = self._clock.now() - timedelta(days=days)
            done = await kind.forget(tx, Asked(tenant_id, before, reached, limit))
            if done.reached is not None and done.reached != reached:
                await store.reach(tx, tenant_id, kind, done.reached)
            if done.count:
                await enter(tx, tenant_id, kind, done.count, before)
        if done.count:
            log.info("forgotten", kind=kind.name, count=done.count)
        return done.count, done.more


async def enter(tx: AsyncConnection, tenant_id: str, kind: Kind, count: int, before: datetime) -> None:
    """Append to the audit log that some of a kind is gone: how many rows, and from before which day."""
    told = (f"rows:{count}", f"before:{before.date()}")
    entry = Entry(SUBJECT, "forget", "changed", kind.name, told)
    await (await driver(tx)).execute(insertion(tenant_id, uuid7(), entry, only_if_written=False))
