"""What a payer agreed to allow, and what it allowed: lines of answered claims against a fee schedule. Pure.

Allowed is what payer and patient pay together, and what a sequester took from the payer's part. A line of which nothing is allowed
was denied, and is worked as a denial; later payers owe what the first one left, not the schedule.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from msgspec import Struct

from libs.common.contracts.remit_received import RemitReceivedV1, ServiceLine
from services.ingest.balance import balance
from services.ingest.followups.rules import Shortfall

_PRIMARY: Final = frozenset({"1", "19"})
_SEQUESTER: Final = "253"
_PATIENT: Final = "PR"


class Fee(Struct, frozen=True, gc=False):
    """One row of a schedule: what is allowed for one unit of a procedure, with a modifier or (empty) without one."""

    begins_on: date  # of the release that holds it
    payer_id: str
    procedure_code: str
    modifier: str
    allowed_cents: int
    valid_from: date
    valid_to: date | None


class Fees:
    """The schedules of some payers."""

    def __init__(self, fees: Iterable[Fee]) -> None:
        self._by_code: dict[tuple[str, str], list[Fee]] = defaultdict(list)
        for each in fees:
            self._by_code[each.payer_id, each.procedure_code].append(each)
        self._payers = {payer_id for payer_id, _ in self._by_code}

    def knows(self, payer_id: str) -> bool:
        return payer_id in self._payers

    def allowed_cents(self, payer_id: str, procedure_code: str, modifiers: Sequence[str], on: date) -> int | None:
        """Return what is allowed for a unit on a day: of the newest release, the row of a modifier before the one without."""
        holding = [
            each
            for each in self._by_code.get((payer_id, procedure_code), ())
            if each.begins_on <= on and each.valid_from <= on and (each.valid_to is None or on <= each.valid_to)
            if not each.modifier or each.modifier in modifiers
        ]
        best = max(holding, key=lambda each: (each.begins_on, bool(each.modifier), each.valid_from), default=None)
        return best.allowed_cents if best else None


def shortfall_of(
    tenant_id: str,
    claim_key: UUID,
    charge_cents: int,
    payer_id: str,
    service_on: date | None,
    remits: Sequence[RemitReceivedV1],
    fees: Fees,
) -> Shortfall | None:
    """Add up the lines of a claim's standing primary answers that are below the schedule; None where none is."""
    told = balance(tenant_id, claim_key, charge_cents, remits)
    gone = {*told.undone, *told.undone.values(), *told.superseded}
    standing = [each for each in remits if each.remit_id not in gone and each.claim_status_code in _PRIMARY]
    agreed = allowed = 0
    lines: list[int] = []
    for remit in standing:
        for line in remit.lines:
            told_cents = _allowed(remit, line)
            on = line.service_on or service_on
            code = line.original_procedure_code or line.procedure_code
            unit_cents = None if on is None else fees.allowed_cents(payer_id, code, line.modifiers, on)
            wanted = None if unit_cents is None else min(_times(unit_cents, line.units), line.charge_cents)
            if wanted is not None and 0 < told_cents < wanted:
                agreed, allowed = agreed + wanted, allowed + told_cents
                lines.append(line.line)
    if not lines:
        return None
    return Shortfall(agreed, allowed, tuple(lines), max(each.payment_on for each in standing))


def _allowed(remit: RemitReceivedV1, line: ServiceLine) -> int:
    """Return what payer and patient pay for a line together."""
    own = (each for each in remit.adjustments if each.line == line.line)
    return line.paid_cents + sum(each.amount_cents for each in own if each.group_code == _PATIENT or each.carc == _SEQUESTER)


def _times(unit_cents: int, units: str | None) -> int:
    """Return what so many units are worth; units that are no number count once."""
    try:
        count = Decimal(units) if units else Decimal(1)
    except InvalidOperation:
        count = Decimal(1)
    return int((unit_cents * count).quantize(Decimal(1), ROUND_HALF_UP)) if count.is_finite() and count > 0 else unit_cents
