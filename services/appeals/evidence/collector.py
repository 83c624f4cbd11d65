"""A job of the worker: what Recours holds is attached to each case that somebody works on, and looked at again once a day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import RowMapping

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.http.neighbour import Behalf
from libs.common.http.problem import Problem
from libs.common.telemetry import new_traceparent
from libs.common.worker import take_turns, work_off
from services.appeals.documents.blobs import Blobs
from services.appeals.evidence import collecting, store
from services.appeals.ingest import Ingest

log = structlog.get_logger()

AGAIN: Final = timedelta(days=1)
_AT_ONCE: Final = 20
_POLL_SECONDS: Final = 5.0
_AWAY: Final = 503


class Collector:
    """Attaches, for ever, for all tenants. Several may run: what is attached twice is one document."""

    def __init__(self, database: Database, clock: Clock, blobs: Blobs, ingest: Ingest) -> None:
        self._database = database
        self._clock = clock
        self._blobs = blobs
        self._ingest = ingest

    async def run(self) -> None:
        await work_off(self.collect, idle_seconds=_POLL_SECONDS, waiting="evidence_waits")

    async def collect(self) -> int:
        """Look at some cases of each tenant; return how many.

        Errors: Transient while ingest is away, or refuses a tenant: nothing of their case is changed then.
        """
        now = self._clock.now()
        async with self._database.begin() as tx:
            waiting = await store.cases_to_collect(tx, now - AGAIN, _AT_ONCE)
        return await take_turns(waiting, lambda tenant_id: self._collect(tenant_id, waiting[tenant_id], now))

    async def _collect(self, tenant_id: str, cases: Sequence[RowMapping], now: datetime) -> int:
        for case in cases:
            behalf = Behalf(tenant_id, new_traceparent())
            try:
                made = await collecting.make(self._ingest, case, behalf)
                keeping = collecting.kept(self._blobs, tenant_id, case["case_id"], made)
                async with keeping as kept, self._database.begin() as tx:
                    attached = await collecting.attach(tx, tenant_id, kept, now)
                    await store.mark_collected(tx, tenant_id, case["case_id"], now)
            except Problem as problem:
                if problem.status == _AWAY:
                    raise Transient(problem.name) from problem
                async with self._database.begin() as tx:  # a case that is full stays as it is
                    await store.mark_collected(tx, tenant_id, case["case_id"], now)
                continue
            if attached:
                log.info("evidence_attached", count=len(attached))
        return len(cases)
