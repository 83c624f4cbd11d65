"""The ledger: what a service has booked of the remittances, by payment day. One shape in every service.

Each service books remits in the transaction in which it deals with them, so that the same totals everywhere mean that every cent
arrived. Money is integer cents with the payer's sign.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One remit as the ledger books it."""

    tenant_id: str
    payment_on: date
    charge_cents: int
    paid_cents: int
    adjustments_by_group: dict[str, int]
    unbalanced_cents: int


class LedgerTotals(BaseModel):
    """Sums over remits; cents, with the payer's signs (a reversal takes away what it reverses)."""

    remits: int = 0
    charge_cents: int = 0
    paid_cents: int = 0
    adjustment_cents: int = 0
    adjustments_by_group: dict[str, int] = Field(default_factory=dict, description="Cents by CAS group code (CO, PR, OA, PI, ...)")
    unbalanced_cents: int = Field(default=0, description="charge - paid - adjustments: what payers neither paid nor explained")


class LedgerDay(LedgerTotals):
    day: date = Field(description="The payment date (BPR16), or the day of receipt where the payer states none")


class Ledger(BaseModel):
    totals: LedgerTotals
    days: list[LedgerDay]


_BOOK = """
WITH adjustments AS (
    INSERT INTO ledger_adjustments (tenant_id, day, group_code, amount_cents)
    SELECT * FROM unnest($7::text[], $8::date[], $9::text[], $10::bigint[])
    ON CONFLICT (tenant_id, day, group_code) DO UPDATE SET
        amount_cents = ledger_adjustments.amount_cents + excluded.amount_cents
)
INSERT INTO ledger_days (tenant_id, day, remits, charge_cents, paid_cents, unbalanced_cents)
SELECT * FROM unnest($1::text[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
ON CONFLICT (tenant_id, day) DO UPDATE SET
    remits = ledger_days.remits + excluded.remits,
    charge_cents = ledger_days.charge_cents + excluded.charge_cents,
    paid_cents = ledger_days.paid_cents + excluded.paid_cents,
    unbalanced_cents = ledger_days.unbalanced_cents + excluded.unbalanced_cents
"""


async def book(tx: AsyncConnection, entries: Iterable[Entry]) -> None:
    """Add remits to their days. One statement however many remits; rows are taken in one order, so that workers never deadlock."""
    days: dict[tuple[str, date], tuple[list[int], dict[str, int]]] = {}
    for entry in entries:
        day = (entry.tenant_id, entry.payment_on)
        known = days.get(day)
        if known is None:
            known = days[day] = ([0, 0, 0, 0], {})
        sums, groups = known
        sums[0] += 1
        sums[1] += entry.charge_cents
        sums[2] += entry.paid_cents
        sums[3] += entry.unbalanced_cents
        for group_code, amount_cents in entry.adjustments_by_group.items():
            groups[group_code] = groups.get(group_code, 0) + amount_cents
    if not days:
        return
    by_day = [(*day, *sums) for day, (sums, _) in sorted(days.items())]
    by_group = [(*day, *group) for day, (_, groups) in sorted(days.items()) for group in sorted(groups.items())]
    columns = [*zip(*by_day, strict=True), *(zip(*by_group, strict=True) if by_group else [()] * 4)]
    await (await driver(tx)).execute(_BOOK, *columns)


_READ_DAYS = text(
    """
    SELECT day, remits, charge_cents, paid_cents, unbalanced_cents FROM ledger_days
    WHERE tenant_id = :tenant AND day >= COALESCE(:first, '-infinity'::date) AND day <= COALESCE(:last, 'infinity'::date)
    ORDER BY day
    """
)
_READ_ADJUSTMENTS = text(
    """
    SELECT day, group_code, amount_cents FROM ledger_adjustments
    WHERE tenant_id = :tenant AND day >= COALESCE(:first, '-infinity'::date) AND day <= COALESCE(:last, 'infinity'::date)
    ORDER BY day, group_code
    """
)


async def read(tx: AsyncConnection, tenant_id: str, first: date | None, last: date | None) -> Ledger:
    """Return the tenant's ledger between two payment days, both included; None leaves a side open."""
    wanted: dict[str, Any] = {"tenant": tenant_id, "first": first, "last": last}
    groups: dict[date, dict[str, int]] = defaultdict(dict)
    for row in await tx.execute(_READ_ADJUSTMENTS, wanted):
        groups[row.day][row.group_code] = row.amount_cents
    days = [
        LedgerDay(
            day=row.day,
            remits=row.remits,
            charge_cents=row.charge_cents,
            paid_cents=row.paid_cents,
            adjustment_cents=sum(groups[row.day].values()),
            adjustments_by_group=groups[row.day],
            unbalanced_cents=row.unbalanced_cents,
        )
        for row in await tx.execute(_READ_DAYS, wanted)
    ]
    return Ledger(totals=_sum(days), days=days)


def _sum(days: Iterable[LedgerDay]) -> LedgerTotals:
    totals = LedgerTotals()
    for day in days:
        totals.remits += day.remits
        totals.charge_cents += day.charge_cents
        totals.paid_cents += day.paid_cents
        totals.adjustment_cents += day.adjustment_cents
        totals.unbalanced_cents += day.unbalanced_cents
        for group_code, amount_cents in day.adjustments_by_group.items():
            totals.adjustments_by_group[group_code] = totals.adjustments_by_group.get(group_code, 0) + amount_cents
    return totals
