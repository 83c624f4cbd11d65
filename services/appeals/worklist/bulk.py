"""The worker's job for bulk actions: case after case by id, in batches, each of them one transaction with how far it is.

Killed anywhere, a batch is as if it had not begun and the next one goes on from the last place: nothing is done twice. A case that
cannot take the action is left as it is, and why is kept.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.people import SYSTEM
from libs.common.worker import work_off
from services.appeals import closing
from services.appeals import store as cases
from services.appeals.deadlines import counting
from services.appeals.deadlines.levels import UNCONFIGURED
from services.appeals.evidence.gate import DETAIL, REASON, held_back
from services.appeals.workflow import Command, Move, Refusal, decide
from services.appeals.worklist import bulk_store, desk, store, submissions
from services.appeals.worklist.bulk_store import Action, Bulk
from services.appeals.worklist.choosing import Chosen
from services.appeals.worklist.editing import NotDone

BATCH: Final = 500


class BulkRunner:
    """Does what is asked of many cases, for ever. Several may run; each takes another bulk action."""

    def __init__(self, database: Database, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.do_batch, waiting="bulk_waits", orders=self._database.listener)

    async def do_batch(self) -> bool:
        """Do one batch of the oldest bulk action; False where there is none."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            bulk = await bulk_store.next_to_do(tx)
            if bulk is None:
                return False
            found = await desk.next_chosen(
                tx, bulk.tenant_id, bulk.chosen, until=bulk.created_at, after=bulk.position, limit=self._batch
            )
            refused = await apply(tx, bulk.tenant_id, found, bulk.action, bulk.who, now)
            await bulk_store.refuse(tx, bulk, [(key[1], each.reason, each.detail) for key, each in refused.items()])
            bulk = replace(
                bulk,
                state="running" if len(found) == self._batch else "done",
                position=found[-1] if found else bulk.position,
                passed=bulk.passed + len(found),
                done=bulk.done + len(found) - len(refused),
                refused=bulk.refused + len(refused),
                updated_at=now,
            )
            await bulk_store.update(tx, bulk)
        return True


async def apply(
    tx: AsyncConnection, tenant_id: str, found: list[UUID], action: Action, who: str, now: datetime
) -> Mapping[store.Key, NotDone]:
    """Do one thing to cases; return those that were left as they are, with why."""
    keys = [(tenant_id, case_id) for case_id in found]
    if action.kind == "edit" and action.edit is not None:
        return await desk.change(tx, keys, action.edit, who, counting.today(now, UNCONFIGURED.zone), now)
    if action.kind == "submit" and action.submission_id is not None:
        await cases.known_cases(tx, keys)
        return await submissions.put(tx, tenant_id, action.submission_id, found)
    if action.kind == "step" and action.command is not None:
        return await _step(tx, keys, Move(command=Command(action.command), who=who, why=action.why), now)
    await cases.known_cases(tx, keys)
    await store.alter(tx, keys, now)
    return {}


async def _step(tx: AsyncConnection, keys: list[store.Key], asked: Move, now: datetime) -> Mapping[store.Key, NotDone]:
    """Take a step of the workflow with each case."""
    known = await cases.known_cases(tx, keys)
    unready = await held_back(tx, list(known), asked.command)
    decided = {key: decide(case, asked, now) for key, case in known.items() if key not in unready}
    taken = {key: told for key, told in decided.items() if not isinstance(told, Refusal)}
    await cases.move(tx, {key: told.case for key, told in taken.items()}, now)
    await closing.tell(tx, [(key, step) for key, told in taken.items() for step in told.steps])
    refused = {key: NotDone(told.reason, told.detail) for key, told in decided.items() if isinstance(told, Refusal)}
    return refused | dict.fromkeys(unready, NotDone(REASON, DETAIL))


def reckoning(tenant_id: str, bulk_id: UUID, chosen: Chosen, total: int, now: datetime) -> Bulk:
    """Return the bulk action that reckons the deadlines of cases anew."""
    return Bulk(tenant_id, bulk_id, Action("reckon"), chosen, SYSTEM, "waiting", bulk_store.NOWHERE, total, 0, 0, 0, now, now)
