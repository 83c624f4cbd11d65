"""The worker's scan: what was touched and what has come due is judged batch by batch; once a day everything is gone through.

A batch is one transaction that holds what it looks at: killed anywhere, it is as if it had not begun, and several workers share the
work. The daily sweep learns how long payers take, touches the claims of those whose habits or rules have changed, and watches what
is open and not watched, slice by slice: what was here before follow-ups were.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import catch_up, look_again
from services.ingest.followups import banking, facts, store, telling
from services.ingest.followups.lifecycle import Step, settle
from services.ingest.followups.rules import (
    About,
    Judged,
    Subject,
    judge_claim,
    judge_deposit,
    judge_remit,
    judge_remittance,
)
from services.ingest.followups.store import Watched

log = structlog.get_logger()

BATCH: Final = 2000
_AT_ONCE: Final = 2  # while one batch is judged, PostgreSQL looks for another
_SLICE: Final = 20_000
_ANSWERS_LEARNED_FROM: Final = 50_000
_SWEEP_EVERY: Final = timedelta(days=1)
_IDLE_SECONDS: Final = 5.0
_NOTHING: Final = UUID(int=0)
# How each subject is brought and judged.
_JUDGES: Final[dict[Subject, tuple[Callable[..., Any], Callable[[Any, date], Judged]]]] = {
    "claim": (facts.claims, judge_claim),
    "remit": (facts.remits, judge_remit),
    "remittance": (facts.remittances, judge_remittance),
    "deposit": (facts.deposits, judge_deposit),
}


class FollowupScan:
    """Looks at what is due, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run(self) -> None:
        """Work until cancelled."""

        async def step() -> None:
            await self.catch_up()

        await look_again(step, idle_seconds=_IDLE_SECONDS, waiting="followups_wait")

    async def catch_up(self) -> int:
        """Sweep if it is time, and judge all that is due; return how many subjects were judged.

        What is touched meanwhile waits for the next time, so that a steady stream is judged in batches.
        """
        await self.sweep_due()
        return sum(await asyncio.gather(*(catch_up(self.scan_batch, full=self._batch) for _ in range(_AT_ONCE))))

    async def scan_batch(self) -> int:
        """Judge one batch of what is due; return how many subjects it held."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            leased = await store.lease(tx, now, self._batch)
            by_tenant: dict[str, dict[Subject, list[UUID]]] = defaultdict(lambda: defaultdict(list))
            for tenant_id, subject, subject_id in leased:
                by_tenant[tenant_id][subject].append(subject_id)
            looks: dict[Watched, date | None] = dict.fromkeys(leased)
            for tenant_id, subjects in by_tenant.items():
                looks |= await _judge(tx, tenant_id, subjects, now)
            await store.settle_watches(tx, looks)
        return len(leased)

    async def sweep_due(self) -> None:
        """Sweep the tenants whose last sweep is a day ago."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            tenants = await store.to_sweep(tx, now - _SWEEP_EVERY)
        for tenant_id in tenants:
            await self.sweep(tenant_id)

    async def sweep(self, tenant_id: str) -> None:
        """Learn a tenant's payers' habits, touch and watch; broken off, it begins again."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            changed = await facts.learn(tx, tenant_id, _ANSWERS_LEARNED_FROM, now)
            changed |= await store.payers_with_other_rules(tx, tenant_id)
        place: UUID | None = _NOTHING if changed else None
        while place is not None:
            async with self._database.begin() as tx:
                place = await store.touch_claims_of_payers(tx, tenant_id, changed, place, _SLICE, now)
        for subject, slice_ in store.SWEEPS:
            place = _NOTHING
            while place is not None:
                async with self._database.begin() as tx:
                    place = await store.sweep(tx, tenant_id, subject, slice_, place, _SLICE, now)
        async with self._database.begin() as tx:
            await store.swept(tx, tenant_id, now)


async def _judge(
    tx: AsyncConnection, tenant_id: str, subjects: dict[Subject, list[UUID]], now: datetime
) -> dict[Watched, date | None]:
    """Judge a tenant's subjects and write what follows; return when each is to be looked at again."""
    paired = await banking.pair_up(tx, tenant_id, subjects.get("deposit", ()), subjects.get("remittance", ()))
    await store.touch(tx, tenant_id, paired, now)
    looks: dict[Watched, date | None] = {}
    steps: list[Step] = []
    for subject, ids in subjects.items():
        bring, judge = _JUDGES[subject]
        judged: list[tuple[About, Judged]] = [(each.about, judge(each, now.date())) for each in await bring(tx, tenant_id, ids)]
        looks |= {Watched(tenant_id, subject, about.subject_id): _next_look(told) for about, told in judged}
        steps += await _steps(tx, tenant_id, subject, judged, ids, now)
    await telling.write(tx, tenant_id, steps)
    return looks


def _next_look(told: Judged) -> date | None:
    """Return when to look again; what is wrong stays watched until it is touched."""
    return date.max if told.found and told.look_on is None else told.look_on


async def _steps(
    tx: AsyncConnection,
    tenant_id: str,
    subject: Subject,
    judged: Sequence[tuple[About, Judged]],
    ids: Collection[UUID],
    now: datetime,
) -> list[Step]:
    known = await store.known(tx, tenant_id, subject, ids)
    steps: list[Step] = []
    for about, told in judged:
        before = known.get(about.subject_id, ())
        if told.found or before:
            steps += settle(tenant_id, about, told.found, before, now)
    return steps
