"""A request for records reaches its case: the case waits no longer for the payer, and must answer by a day.

In the transaction of whatever became known; the same a second time changes nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Event, Received
from libs.common.people import SYSTEM
from services.appeals import closing
from services.appeals import store as cases
from services.appeals.records import store
from services.appeals.records.choosing import choose
from services.appeals.records.store import Asked, Key
from services.appeals.workflow import Case, Command, Move, Refusal, Step, decide
from services.appeals.worklist import store as worklist
from services.appeals.worklist.placing import Case as Placed

WHY: Final = "records_requested"
NOT_DELIVERED: Final = "not_delivered"


async def handle_requests(tx: AsyncConnection, requests: Sequence[Received[Asked]], now: datetime) -> Sequence[Event]:
    """Keep requests, and attach those whose case is here; the others wait for theirs."""
    await store.keep(tx, [(each.tenant_id, each.data) for each in requests])
    await attach(tx, {(each.tenant_id, each.data.claim_key) for each in requests}, now)
    return ()


async def attach(tx: AsyncConnection, accounts: Collection[Key], now: datetime) -> None:
    """Attach what waits of some accounts to their cases, which take the step that it is where their state allows it."""
    waiting = await store.waiting(tx, accounts) if accounts else []
    if not waiting:
        return
    rows = await cases.lock_accounts(tx, {(each["tenant_id"], each["claim_key"]) for each in waiting})
    by_account: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for (tenant_id, _), row in rows.items():
        by_account[tenant_id, row["claim_key"]].append(row)
    told = []
    for each in waiting:
        case_id = choose(each["payer_claim_control_number"], by_account[each["tenant_id"], each["claim_key"]])
        if case_id is not None:
            told.append((each["tenant_id"], each["request_id"], case_id))
    await give(tx, rows, told, Move(command=Command.REQUEST_INFORMATION, who=SYSTEM, why=WHY), now)


async def give(
    tx: AsyncConnection, rows: Mapping[Key, Mapping[str, Any]], told: Sequence[tuple[str, UUID, UUID]], move: Move, now: datetime
) -> None:
    """Give requests (tenant, request, case) to their cases, whose locked rows these are."""
    if not told:
        return
    await store.attach(tx, told, now)
    keys = {(tenant_id, case_id) for tenant_id, _, case_id in told}
    await _take(tx, {key: rows[key] for key in sorted(keys)}, move, now)
    await _count_down(tx, keys, now)


async def _take(tx: AsyncConnection, rows: Mapping[Key, Mapping[str, Any]], move: Move, now: datetime) -> None:
    """Let locked cases take a step, in this order, where their state allows it."""
    moved: dict[Key, Case] = {}
    steps: list[tuple[Key, Step]] = []
    for key, row in rows.items():
        decision = decide(cases.case_of(row), move, now)
        if not isinstance(decision, Refusal):
            moved[key] = decision.case
            steps += [(key, step) for step in decision.steps]
    await cases.move(tx, moved, now)
    await closing.tell(tx, steps)


async def answered(tx: AsyncConnection, key: Key, appeal_id: UUID, now: datetime, request_id: UUID | None = None) -> None:
    """Note that documents were sent for a locked case: they answer one request, or all that it was asked. While the payer still
    waits for other ones, so does the case.
    """
    if await store.answer(tx, *key, appeal_id, request_id):
        if key in await store.due_days(tx, {key}):
            await _ask_again(tx, key, WHY, now)
        await _count_down(tx, {key}, now)


async def reopened(tx: AsyncConnection, key: Key, appeal_id: UUID, now: datetime) -> None:
    """Note that documents never arrived which answered requests: a locked case has them to answer again."""
    if await store.unanswer(tx, key[0], appeal_id):
        await _ask_again(tx, key, NOT_DELIVERED, now)
        await _count_down(tx, {key}, now)


async def _ask_again(tx: AsyncConnection, key: Key, why: str, now: datetime) -> None:
    """Let a locked case wait for us where its state allows it."""
    row = await cases.lock_row(tx, *key)
    if row is not None:
        await _take(tx, {key: row}, Move(command=Command.REQUEST_INFORMATION, who=SYSTEM, why=why), now)


async def _count_down(tx: AsyncConnection, keys: Collection[Key], now: datetime) -> None:
    """Let locked cases' places follow from the day by which they must answer."""
    days = await store.due_days(tx, keys)
    await worklist.alter(tx, keys, now, lambda placed: replace(placed, requested_by_on=_day(days, placed)))


def _day(days: Mapping[Key, date | None], placed: Placed) -> date | None:
    return days.get((placed.tenant_id, placed.case_id))
