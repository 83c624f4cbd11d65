"""What a service's ledger reads of remits, and how it books them."""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common import ledger
from libs.common.contracts.envelope import Received
from libs.common.money import Cents


class BookedTotals(Struct, frozen=True, gc=False):
    adjustments_by_group: dict[str, Cents]
    unbalanced_cents: Cents


class BookedRemit(Struct, frozen=True, gc=False):
    """What the ledger reads of `remit.received`."""

    payment_on: date
    charge_cents: Cents
    paid_cents: Cents
    totals: BookedTotals


Booked = TypeVar("Booked", bound=BookedRemit)


def entry_of(received: Received[Booked]) -> ledger.Entry:
    remit = received.data
    return ledger.Entry(
        tenant_id=received.tenant_id,
        payment_on=remit.payment_on,
        charge_cents=remit.charge_cents,
        paid_cents=remit.paid_cents,
        adjustments_by_group=remit.totals.adjustments_by_group,
        unbalanced_cents=remit.totals.unbalanced_cents,
    )


async def book_remits(tx: AsyncConnection, remits: Sequence[Received[Booked]]) -> None:
    await ledger.book(tx, map(entry_of, remits))
