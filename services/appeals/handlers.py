"""What appeals does with batches of denials (a case for each that can be pursued) and of remits (its ledger, and outcomes)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.booking import BookedRemit, book_remits
from libs.common.contracts import appeal_decided
from libs.common.contracts.envelope import Event, Received, caused_event
from libs.common.ids import named_id
from libs.common.money import Cents
from services.appeals import closing, store
from services.appeals.deadlines.clocks import Facts
from services.appeals.outcomes import store as outcomes
from services.appeals.outcomes.attribution import Paid, is_answer, is_told, refused_cents
from services.appeals.outcomes.settling import Told, settle_accounts
from services.appeals.records.attaching import attach
from services.appeals.store import Account, Change, Denial
from services.appeals.workflow import Case, CaseState, Decision, Revision, Step, decide
from services.appeals.worklist import placing
from services.appeals.worklist import store as worklist


class Adjustment(Struct, frozen=True, gc=False):
    group_code: str
    carc: str
    amount_cents: Cents


class Remit(BookedRemit, frozen=True, gc=False):
    """What appeals reads of `remit.received`."""

    remit_id: UUID
    claim_key: UUID
    payer_claim_control_number: str
    payer_id: str
    claim_status_code: str
    adjustments: tuple[Adjustment, ...]
    service_from_on: date | None = None
    claim_id: UUID | None = None


async def hold(tx: AsyncConnection, events: Sequence[Received[Any]]) -> None:
    """Hold the accounts of a batch and their cases until its transaction ends, whatever its events tell of them."""
    accounts = {(each.tenant_id, each.data.claim_key) for each in events}
    await store.hold_accounts(tx, accounts)
    await store.lock_cases(tx, accounts)


async def handle_denials(tx: AsyncConnection, denials: Sequence[Received[Denial]], now: datetime) -> Sequence[Event]:
    """Open, change and close cases; the highest revision of a denial wins whatever the order of arrival.

    The answer to a denied claim may have come before its denial, and so may a request for records: the accounts are settled, and
    what waited for a case is attached.
    """
    causes: dict[Account, Received[Denial]] = {(each.tenant_id, each.data.claim_key): each for each in denials}
    known = {key: store.case_of(row) for key, row in (await store.lock_accounts(tx, causes)).items()}
    changes: list[Change] = []
    steps: list[tuple[store.Key, Step]] = []
    for received in denials:
        denial = received.data
        key = (received.tenant_id, named_id("case", str(denial.denial_id)))
        revision = Revision(denial.revision, denial.status == "retracted", denial.recoverable)
        decision = decide(known.get(key, Case()), revision, now)
        if isinstance(decision, Decision) and decision.steps:
            known[key] = decision.case
            changes.append(Change(*key, decision.case, denial))
            steps += [(key, step) for step in decision.steps]
    placed = await worklist.enter(tx, *_entries(changes), now)
    dated = [_dated(change, placed[change.tenant_id, change.case_id]) for change in changes]
    await store.save(tx, dated, now)
    await closing.tell(tx, steps)
    accounts = {(each.tenant_id, each.denial.claim_key) for each in changes}
    told = await settle_accounts(tx, accounts, now)
    await attach(tx, accounts, now)
    return [_event(causes[each.account], each) for each in told]


def _entries(changes: Sequence[Change]) -> tuple[list[placing.Case], dict[store.Key, str]]:
    """Return the cases as the worklist takes them, the last change of each, and the names of their payers."""
    last = {(change.tenant_id, change.case_id): change for change in changes}
    entered = [
        placing.Case(
            tenant_id=change.tenant_id,
            case_id=change.case_id,
            state=change.case.state or CaseState.OPEN,
            payer_id=change.denial.payer_id,
            category=change.denial.category,
            denied_cents=change.denial.denied_cents,
            told=_told(change.denial),
        )
        for _, change in sorted(last.items())
    ]
    return entered, {key: change.denial.payer_name for key, change in last.items()}


def _told(denial: Denial) -> placing.Told:
    facts = Facts(
        action=denial.action,
        alternative_actions=denial.alternative_actions,
        payment_on=denial.payment_on,
        payer_kind=denial.payer_kind,
        service_from_on=denial.service_from_on,
        appeal_by=denial.appeal_by,
        correct_by=denial.correct_by,
    )
    return placing.Told(facts, denial.overturn_probability, denial.expected_value_cents)


def _dated(change: Change, placed: placing.Placed) -> Change:
    return replace(change, appeal_by_on=placed.appeal_by_on, correct_by_on=placed.correct_by_on)


async def handle_remits(tx: AsyncConnection, remits: Sequence[Received[Remit]], now: datetime) -> Sequence[Event]:
    """Keep remits, let those of accounts that have cases decide them, and book all."""
    causes: dict[Account, Received[Remit]] = {(each.tenant_id, each.data.claim_key): each for each in remits}
    told = [_paid(each.data) for each in remits if is_told(each.data.claim_status_code)]
    accounts = [(each.tenant_id, each.data.claim_key) for each in remits if is_told(each.data.claim_status_code)]
    await outcomes.insert_remits(tx, list(zip(accounts, told, strict=True)))
    decided = await settle_accounts(tx, causes, now)
    await book_remits(tx, remits)  # last: a day's row is everybody's, and locked until the commit
    return [_event(causes[each.account], each) for each in decided]


def _event(cause: Received[Any], told: Told) -> Event:
    return caused_event(cause, appeal_decided.TOPIC, appeal_decided.TYPE, told.data, sequence=told.sequence)


def _paid(remit: Remit) -> Paid:
    adjustments = [(each.group_code, each.carc, each.amount_cents) for each in remit.adjustments]
    return Paid(
        remit_id=remit.remit_id,
        payer_id=remit.payer_id,
        number=remit.payer_claim_control_number,
        payment_on=remit.payment_on,
        is_answer=is_answer(remit.claim_status_code, remit.paid_cents, {carc for _, carc, _ in adjustments}),
        charge_cents=remit.charge_cents,
        paid_cents=remit.paid_cents,
        refused_cents=refused_cents(remit.charge_cents, remit.paid_cents, adjustments),
        service_from_on=remit.service_from_on,
        claim_id=remit.claim_id,
    )
