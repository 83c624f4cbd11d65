"""An 835 written from the model: what is written is read back equal.

For the synthetic library, the sandbox and the tests: reversals, corrections, provider adjustments, splits and several transactions
are all just remits and payments here; balancing them (or not) is the caller's business.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import takewhile

from msgspec import Struct

from libs.x12.compose import adjustments, amount, composite, envelope, kept, segment
from libs.x12.model import ProviderAdjustment, Remit, ServiceLine

_VERSION = "005010X221A1"


class Payment(Struct, frozen=True):
    """The head of one 835."""

    amount_cents: int
    payment_on: date
    trace_number: str
    payer_id: str
    payer_name: str
    payee_name: str
    payee_id: str
    handling_code: str = "I"
    method: str = "ACH"
    produced_on: date | None = None


class RemittanceSet(Struct, frozen=True):
    """One 835 transaction: a payment, its claims, its provider adjustments."""

    payment: Payment
    remits: Sequence[Remit]
    provider_adjustments: Sequence[ProviderAdjustment] = ()


def write_interchange(
    sets: Iterable[RemittanceSet],
    *,
    sender_id: str,
    receiver_id: str,
    control_number: int,
    created_at: datetime,
    line_end: str = "",
) -> Iterator[bytes]:
    """Yield the bytes of one interchange, transaction by transaction.

    Errors: ValueError when a value holds a delimiter, is not latin-1 or does not fit the header; X12 knows no escape.
    """
    transactions = map(_transaction, sets)
    return envelope(
        [("HP", _VERSION, transactions)],
        sender_id=sender_id,
        receiver_id=receiver_id,
        control_number=control_number,
        created_at=created_at,
        line_end=line_end,
    )


def _transaction(each: RemittanceSet) -> list[str]:
    payment = each.payment
    debit = payment.amount_cents < 0
    segments = [
        segment("ST", "835"),
        segment(
            "BPR", payment.handling_code, amount(abs(payment.amount_cents)), "D" if debit else "C", payment.method,
            *[""] * 11, f"{payment.payment_on:%Y%m%d}",
        ),
        segment("TRN", "1", payment.trace_number, payment.payer_id),
    ]  # fmt: skip
    if payment.produced_on is not None:
        segments.append(segment("DTM", "405", f"{payment.produced_on:%Y%m%d}"))
    segments.append(segment("N1", "PR", payment.payer_name))
    segments.append(segment("N1", "PE", payment.payee_name, "XX", payment.payee_id))
    if each.remits:
        segments.append(segment("LX", "1"))
    for remit in each.remits:
        segments += _claim(remit)
    segments += [_provider_adjustment(adjustment) for adjustment in each.provider_adjustments]
    return segments


def _claim(remit: Remit) -> Iterator[str]:
    patient = "" if remit.patient_responsibility_cents is None else amount(remit.patient_responsibility_cents)
    yield segment(
        "CLP", remit.patient_control_number, remit.claim_status_code, amount(remit.charge_cents), amount(remit.paid_cents),
        patient, remit.claim_filing_code or "", remit.payer_claim_control_number, remit.facility_code or "",
        remit.frequency_code or "",
    )  # fmt: skip
    yield from adjustments(remit.adjustments)
    yield from kept(remit.segments, remit.separator)
    for line in remit.lines:
        yield from _line(line)


def _line(line: ServiceLine) -> Iterator[str]:
    original = composite(line.qualifier, line.original_procedure_code) if line.original_procedure_code else ""
    yield segment(
        "SVC", composite(line.qualifier, line.procedure_code, *line.modifiers), amount(line.charge_cents),
        amount(line.paid_cents), line.revenue_code or "", line.units or "", original, line.original_units or "",
    )  # fmt: skip
    dates = sum(1 for _ in takewhile(lambda kept: kept.startswith("DTM"), line.segments))  # the guide has them before CAS
    yield from kept(line.segments[:dates], line.separator)
    yield from adjustments(line.adjustments)
    yield from kept(line.segments[dates:], line.separator)
    for rarc in line.rarcs:
        yield segment("LQ", "HE", rarc)


def _provider_adjustment(adjustment: ProviderAdjustment) -> str:
    fiscal = f"{adjustment.fiscal_period_on:%Y%m%d}" if adjustment.fiscal_period_on else ""
    reason = composite(*filter(None, (adjustment.reason_code, adjustment.reference_id)))
    return segment("PLB", adjustment.provider_id, fiscal, reason, amount(adjustment.amount_cents))
