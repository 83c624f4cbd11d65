"""What analytics does with batches: a fact for each remit and each denial, and its ledger."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common import ledger
from libs.common.booking import BookedTotals
from libs.common.contracts.envelope import Event, Received
from libs.common.money import Cents
from libs.common.reversals import REVERSAL_STATUS, Twin, pair
from services.analytics import store
from services.analytics.store import Denial

_PREDETERMINATION = "25"
_NO_EVENTS: Final[Sequence[Event]] = ()


class Remit(Struct, frozen=True, gc=False):
    """What analytics reads of `remit.received`."""

    remit_id: UUID
    claim_key: UUID
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    claim_status_code: str
    charge_cents: Cents
    paid_cents: Cents
    totals: BookedTotals


async def handle_remits(tx: AsyncConnection, remits: Sequence[Received[Remit]], _: datetime) -> Sequence[Event]:
    """Keep remits' facts, pair reversals with what they undo, whichever came first, and book all."""
    await store.insert_remits(tx, [_row(received) for received in remits])
    await _pair_anew(tx, {_twin(received) for received in remits})
    await ledger.book(tx, map(_entry, remits))  # last: a day's row is everybody's, and locked until the commit
    return _NO_EVENTS


async def _pair_anew(tx: AsyncConnection, twins: Collection[Twin]) -> None:
    reversed_twins = await store.reversed_twins(tx, twins)
    if not reversed_twins:
        return
    adjudications, reversals = await store.remits_of(tx, reversed_twins)
    pairs = pair(adjudications, reversals)
    paired_with = pairs | {reversal: adjudication for adjudication, reversal in pairs.items()}
    known = adjudications | reversals
    changed = {each: paired_with.get(each.remit_id) for each in known if known[each] != paired_with.get(each.remit_id)}
    await store.set_pairs(tx, changed)


def _twin(received: Received[Remit]) -> Twin:
    remit = received.data
    sign = -1 if kind_of(remit.claim_status_code) == "reversal" else 1
    return (received.tenant_id, remit.claim_key, remit.payer_id, sign * remit.charge_cents, sign * remit.paid_cents)


async def handle_denials(tx: AsyncConnection, denials: Sequence[Received[Denial]], _: datetime) -> Sequence[Event]:
    """Keep the highest revision of each denial. What a front door sent back was never judged: it counts in no rate."""
    judged = [(received.tenant_id, received.data) for received in denials if received.data.acknowledgement_id is None]
    if judged:
        await store.save_denials(tx, judged)
    return _NO_EVENTS


def kind_of(claim_status_code: str) -> str:
    """Say what a remit counts as: only adjudications count in rates."""
    return {REVERSAL_STATUS: "reversal", _PREDETERMINATION: "predetermination"}.get(claim_status_code, "adjudication")


def _row(received: Received[Remit]) -> tuple[object, ...]:
    remit = received.data
    return (
        received.tenant_id, remit.claim_key, remit.remit_id, remit.payer_id, remit.payer_name, remit.payer_claim_control_number,
        remit.payment_on, kind_of(remit.claim_status_code), remit.charge_cents, remit.paid_cents,
    )  # fmt: skip


def _entry(received: Received[Remit]) -> ledger.Entry:
    remit = received.data
    return ledger.Entry(
        tenant_id=received.tenant_id,
        payment_on=remit.payment_on,
        charge_cents=remit.charge_cents,
        paid_cents=remit.paid_cents,
        adjustments_by_group=remit.totals.adjustments_by_group,
        unbalanced_cents=remit.totals.unbalanced_cents,
    )
