"""An 835 written from the model: what is written is read back equal.

For the synthetic library, the sandbox and the tests: reversals, corrections, provider adjustments, splits and several transactions
are all just remits and payments here; balancing them (or not) is the caller's business.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import takewhile

from msgspec import Struct

from libs.x12.model import Adjustment, ProviderAdjustment, Remit, ServiceLine

_ELEMENT, _COMPONENT, _TERMINATOR = "*", ":", "~"
_VERSION = "005010X221A1"
_TRIPLES_A_SEGMENT = 6
_CONTROL_NUMBER_MAX = 999_999_999
_PARTY_LENGTH = 15


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
    if not 0 <= control_number <= _CONTROL_NUMBER_MAX or max(len(sender_id), len(receiver_id)) > _PARTY_LENGTH:
        raise ValueError("a party or the control number does not fit the interchange header")
    end = _TERMINATOR + line_end
    day, time = created_at.strftime("%y%m%d"), created_at.strftime("%H%M")
    header = [
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{sender_id:<15}", "ZZ", f"{receiver_id:<15}",
        day, time, "^", "00501", f"{control_number:09d}", "0", "P", _COMPONENT,
    ]  # fmt: skip
    group = [
        "GS",
        "HP",
        sender_id,
        receiver_id,
        created_at.strftime("%Y%m%d"),
        time,
        str(control_number),
        "X",
        _VERSION,
    ]
    yield _encode([_segment(*header), _segment(*group)], end)
    count = 0
    for count, each in enumerate(sets, start=1):
        yield _encode(_transaction(each, f"{count:04d}"), end)
    yield _encode([_segment("GE", str(count), str(control_number)), _segment("IEA", "1", f"{control_number:09d}")], end)


def segment(*elements: str) -> str:
    """Return one segment in the writer's delimiters, for a remit's or a line's `segments`."""
    return _segment(*elements)


def _encode(segments: Sequence[str], end: str) -> bytes:
    return (end.join(segments) + end).encode("latin-1")


def _transaction(each: RemittanceSet, control_number: str) -> list[str]:
    payment = each.payment
    debit = payment.amount_cents < 0
    segments = [
        _segment("ST", "835", control_number),
        _segment(
            "BPR", payment.handling_code, _amount(abs(payment.amount_cents)), "D" if debit else "C", payment.method,
            *[""] * 11, f"{payment.payment_on:%Y%m%d}",
        ),
        _segment("TRN", "1", payment.trace_number, payment.payer_id),
    ]  # fmt: skip
    if payment.produced_on is not None:
        segments.append(_segment("DTM", "405", f"{payment.produced_on:%Y%m%d}"))
    segments.append(_segment("N1", "PR", payment.payer_name))
    segments.append(_segment("N1", "PE", payment.payee_name, "XX", payment.payee_id))
    if each.remits:
        segments.append(_segment("LX", "1"))
    for remit in each.remits:
        segments += _claim(remit)
    segments += [_provider_adjustment(adjustment) for adjustment in each.provider_adjustments]
    segments.append(_segment("SE", str(len(segments) + 1), control_number))
    return segments


def _claim(remit: Remit) -> Iterator[str]:
    patient = "" if remit.patient_responsibility_cents is None else _amount(remit.patient_responsibility_cents)
    yield _segment(
        "CLP", remit.patient_control_number, remit.claim_status_code, _amount(remit.charge_cents), _amount(remit.paid_cents),
        patient, remit.claim_filing_code or "", remit.payer_claim_control_number, remit.facility_code or "",
        remit.frequency_code or "",
    )  # fmt: skip
    yield from _adjustments(remit.adjustments)
    yield from _kept(remit.segments, remit.separator)
    for line in remit.lines:
        yield from _line(line)


def _line(line: ServiceLine) -> Iterator[str]:
    original = _composite(line.qualifier, line.original_procedure_code) if line.original_procedure_code else ""
    yield _segment(
        "SVC", _composite(line.qualifier, line.procedure_code, *line.modifiers), _amount(line.charge_cents),
        _amount(line.paid_cents), line.revenue_code or "", line.units or "", original, line.original_units or "",
    )  # fmt: skip
    dates = sum(1 for _ in takewhile(lambda kept: kept.startswith("DTM"), line.segments))  # the guide has them before CAS
    yield from _kept(line.segments[:dates], line.separator)
    yield from _adjustments(line.adjustments)
    yield from _kept(line.segments[dates:], line.separator)
    for rarc in line.rarcs:
        yield _segment("LQ", "HE", rarc)


def _kept(segments: Sequence[str], separator: str) -> Iterator[str]:
    """Write segments that were kept as they were, in the writer's separator."""
    for kept in segments:
        yield _segment(*kept.split(separator))


def _composite(*parts: str) -> str:
    if any(_COMPONENT in part for part in parts):
        raise ValueError("a component holds a delimiter")
    return _COMPONENT.join(parts)


def _adjustments(adjustments: Sequence[Adjustment]) -> Iterator[str]:
    """Write adjustments in order; neighbours of one group share a segment, up to six."""
    start = 0
    while start < len(adjustments):
        group_code = adjustments[start].group_code
        end = start + 1
        while end < len(adjustments) and end - start < _TRIPLES_A_SEGMENT and adjustments[end].group_code == group_code:
            end += 1
        elements = ["CAS", group_code]
        for item in adjustments[start:end]:
            elements += [item.carc, _amount(item.amount_cents), item.quantity or ""]
        yield _segment(*elements)
        start = end


def _provider_adjustment(adjustment: ProviderAdjustment) -> str:
    fiscal = f"{adjustment.fiscal_period_on:%Y%m%d}" if adjustment.fiscal_period_on else ""
    reason = _composite(*filter(None, (adjustment.reason_code, adjustment.reference_id)))
    return _segment("PLB", adjustment.provider_id, fiscal, reason, _amount(adjustment.amount_cents))


def _amount(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}" if rest else f"{sign}{whole}"


def _segment(*elements: str) -> str:
    for element in elements:
        if _ELEMENT in element or _TERMINATOR in element or not element.isprintable():
            raise ValueError("an element holds a delimiter or a control character")
    return _ELEMENT.join(elements).rstrip(_ELEMENT)
