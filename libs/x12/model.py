"""What X12 says, as values: the items that the reader yields and the writer takes.

Money is integer cents with the payer's sign. Positions are a byte offset in the stream (from 0) and the ordinal of a segment in
it (from 1). Nothing here shows a patient's data by itself: findings never carry a value.
"""

from datetime import date
from functools import lru_cache
from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning", "info"]


_REMARKED = (("MIA", (5, 20, 21, 22, 23)), ("MOA", (3, 4, 5, 6, 7)))


class Adjustment(Struct, frozen=True, gc=False):
    """One CAS triplet (of up to six in a segment)."""

    group_code: str
    carc: str
    amount_cents: int
    quantity: str | None = None


class Party(Struct, frozen=True, gc=False):
    """One NM1 segment: who, by entity code (QC patient, IL insured, 74 corrected patient, 82 rendering, TT crossover, ...)."""

    entity_code: str
    last_name: str = ""
    first_name: str = ""
    id_qualifier: str = ""
    id: str = ""


class _Tail(Struct, frozen=True, gc=False):
    """Segments kept as they were, split only when asked for: most readers need few of them."""

    segments: tuple[str, ...]
    separator: str

    def elements(self, segment_id: str, qualifier: str | None = None) -> list[str] | None:
        """Return the elements of the first segment of this id (and first element), or None."""
        start = segment_id + self.separator
        if qualifier is not None:
            start += qualifier
        for segment in self.segments:
            if segment.startswith(start):
                elements = segment.split(self.separator)
                if qualifier is None or elements[1] == qualifier:
                    return elements
        return None

    def reference(self, qualifier: str) -> str | None:
        """Return REF02 of the REF with this qualifier."""
        return self._value("REF", qualifier)

    def date(self, qualifier: str) -> date | None:
        """Return the date of the DTM with this qualifier; None when absent or no date."""
        return parse_date(self._value("DTM", qualifier))

    def _value(self, segment_id: str, qualifier: str) -> str | None:
        """Return the second element of the first segment that has this id, this first element, and a second one."""
        separator = self.separator
        start = f"{segment_id}{separator}{qualifier}{separator}"
        for segment in self.segments:
            if segment.startswith(start):
                return segment.split(separator, 3)[2] or None
        return None


class ServiceLine(_Tail, frozen=True, gc=False):
    """One SVC loop (2110). `difference_cents` is charge - paid - adjustments: 0 when the line balances."""

    charge_cents: int
    paid_cents: int
    difference_cents: int
    procedure_code: str
    qualifier: str = ""
    modifiers: tuple[str, ...] = ()
    revenue_code: str | None = None
    units: str | None = None
    original_procedure_code: str | None = None
    original_units: str | None = None
    adjustments: tuple[Adjustment, ...] = ()
    rarcs: tuple[str, ...] = ()

    def service_on(self) -> date | None:
        """Return the service date (472), else where the service began (150)."""
        return self.date("472") or self.date("150")


class Remit(_Tail, frozen=True, gc=False):
    """One CLP loop (2100). `difference_cents` is charge - paid - all adjustments of claim and lines: 0 when it balances."""

    ordinal: int
    segment_index: int
    byte_offset: int
    patient_control_number: str
    claim_status_code: str
    charge_cents: int
    paid_cents: int
    difference_cents: int
    adjustment_cents: int
    patient_responsibility_cents: int | None = None
    claim_filing_code: str | None = None
    payer_claim_control_number: str = ""
    facility_code: str | None = None
    frequency_code: str | None = None
    adjustments: tuple[Adjustment, ...] = ()
    lines: tuple[ServiceLine, ...] = ()

    def parties(self) -> list[Party]:
        """Return every NM1 of the claim, in order; corrected and submitted patient are both kept."""
        start = "NM1" + self.separator
        found = []
        for segment in self.segments:
            if segment.startswith(start):
                elements = segment.split(self.separator)
                elements += [""] * (10 - len(elements))
                found.append(Party(elements[1], readable(elements[3]), readable(elements[4]), elements[8], elements[9]))
        return found

    def remarks(self) -> tuple[str, ...]:
        """Return the claim's remark codes: MIA05 and MIA20 to 23, MOA03 to 07."""
        found: list[str] = []
        for segment_id, places in _REMARKED:
            elements = self.elements(segment_id)
            if elements:
                found += [elements[place] for place in places if place < len(elements) and elements[place]]
        return tuple(found)


class ProviderAdjustment(Struct, frozen=True, gc=False):
    """One pair of a PLB segment. Positive lowers the payment, negative raises it."""

    provider_id: str
    fiscal_period_on: date | None
    reason_code: str
    reference_id: str
    amount_cents: int


class InterchangeOpened(Struct, frozen=True, gc=False):
    sender_id: str
    receiver_id: str
    control_number: str
    segment_index: int
    byte_offset: int


class InterchangeClosed(Struct, frozen=True, gc=False):
    control_number: str
    complete: bool


class TransactionOpened(Struct, frozen=True, gc=False):
    """One ST. `ordinal` counts the transactions of the stream from 1; `version` is ST03, else GS08.

    A 999 names a set by its group's control number (GS06) and its own (ST02).
    """

    ordinal: int
    type: str
    control_number: str
    version: str
    segment_index: int
    byte_offset: int
    group_control_number: str = ""


class PaymentRead(Struct, frozen=True, gc=False):
    """The head of one 835: what was paid, by whom, to whom. `amount_cents` is BPR02, negative for a debit (BPR03 D)."""

    transaction_ordinal: int
    handling_code: str
    amount_cents: int | None
    method: str
    payment_on: date | None
    trace_number: str
    payer_id: str
    payer_name: str
    payee_name: str
    payee_id: str
    produced_on: date | None = None
    originating_id: str = ""
    byte_offset: int = 0  # of BPR; of ST where there is none
    segment_index: int = 0


class TransactionClosed(Struct, frozen=True, gc=False):
    """What one transaction came to. `balance_difference_cents` is sum(CLP04) - sum(PLB) - BPR02; None without a readable BPR02."""

    ordinal: int
    type: str
    control_number: str
    complete: bool
    claims: int = 0
    claims_unreadable: int = 0
    charge_cents: int = 0
    paid_cents: int = 0
    adjustment_cents: int = 0
    unbalanced_lines: int = 0
    unbalanced_claims: int = 0
    balance_difference_cents: int | None = None
    provider_adjustments: tuple[ProviderAdjustment, ...] = ()


class Finding(Struct, frozen=True, gc=False, omit_defaults=True):
    """Something irregular, with its exact position. `code` is stable; `message` is ours and never holds the value found."""

    code: str
    severity: Severity
    message: str
    byte_offset: int
    segment_index: int
    segment_id: str | None = None
    loop: str | None = None
    element: str | None = None
    snip_type: int = 1
    transaction_ordinal: int | None = None
    claim_ordinal: int | None = None
    difference_cents: int | None = None


def readable(text: str) -> str:
    """Return text as a person wrote it: bytes are read as latin-1, and some of them were UTF-8."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


@lru_cache(maxsize=4096)  # a file tells few days, over and over
def parse_date(value: str | None) -> date | None:
    """Read CCYYMMDD (or the first date of a range); None when it is no date."""
    if not value or len(value) < 8 or not value[:8].isdecimal():  # noqa: PLR2004 - eight digits
        return None
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:8]))
    except ValueError:
        return None
