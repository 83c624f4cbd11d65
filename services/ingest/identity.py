"""Which remit is which: the same 835 sent again, or split otherwise, names the same remits.

A remit is named by payer, trace, CLP01, CLP07, CLP02 and an ordinal among equal ones of its transaction. A digest of what it says
about money tells a repetition from a contradiction.
"""

import hashlib
from datetime import date
from uuid import UUID

import msgspec

from libs.common.ids import named_id
from libs.x12 import PaymentRead, Remit

_encode = msgspec.msgpack.Encoder().encode  # says where each value ends, so that no two contents are written alike


def remittance_id(tenant_id: str, payment: PaymentRead) -> UUID:
    """Name a payment by payer and trace.

    Where the payer has no id (the file then has a finding) its name stands in; without a trace also the payee, the day and the
    amount: they do not change when the same file comes again.
    """
    if payment.trace_number:
        return named_id("remittance", tenant_id, _payer(payment), payment.trace_number)
    stand_in = (payment.payer_id, payment.payer_name, payment.payee_id, str(payment.payment_on), str(payment.amount_cents))
    return named_id("remittance", tenant_id, "", *stand_in)


def _payer(payment: PaymentRead) -> str:
    return payment.payer_id or payment.payer_name


class Ordinals:
    """Counts equal claims of one transaction. A payment may hold half a million: of each kind its 64-bit hash alone is kept."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._repeated: dict[int, int] = {}

    def next(self, remit: Remit) -> int:
        """Return 0 for the first of its kind, then 1, ..."""
        kind = hash((remit.patient_control_number, remit.payer_claim_control_number, remit.claim_status_code))
        if kind not in self._seen:
            self._seen.add(kind)
            return 0
        ordinal = self._repeated.get(kind, 0) + 1
        self._repeated[kind] = ordinal
        return ordinal


def remit_id(tenant_id: str, payment: PaymentRead, remittance: UUID, remit: Remit, ordinal: int) -> UUID:
    """Name one claim of a payment."""
    payer, trace = (_payer(payment), payment.trace_number) if payment.trace_number else ("", str(remittance))
    return named_id(
        "remit",
        tenant_id,
        payer,
        trace,
        remit.patient_control_number,
        remit.payer_claim_control_number,
        remit.claim_status_code,
        str(ordinal),
    )


def content_digest(remit: Remit) -> bytes:
    """Return 16 bytes that two remits share when they say the same about money and codes, however they spell it."""
    told: list[object] = [remit.charge_cents, remit.paid_cents, remit.claim_filing_code or ""]
    for item in remit.adjustments:
        told += (item.group_code, item.carc, item.amount_cents)
    for line in remit.lines:
        told += (None, line.qualifier, line.procedure_code, line.modifiers, line.charge_cents, line.paid_cents)
        for item in line.adjustments:
            told += (item.group_code, item.carc, item.amount_cents)
        told += line.rarcs
    return hashlib.blake2b(_encode(told), digest_size=16).digest()


def ledger_day(payment: PaymentRead, received_on: date) -> date:
    """Return the day on which a payment is booked: BPR16, else DTM*405, else the day of receipt."""
    return payment.payment_on or payment.produced_on or received_on
