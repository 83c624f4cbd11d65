"""One 835: its head, its claims, its provider adjustments, and whether it balances."""

from typing import TYPE_CHECKING

from libs.x12.claim_loop import ClaimLoop, Oddity
from libs.x12.item import Item
from libs.x12.model import PaymentRead, ProviderAdjustment, Severity, TransactionClosed, TransactionOpened, parse_date, readable
from libs.x12.money import parse_amount
from libs.x12.tokens import Cursor, segment_id_of
from libs.x12.units import TransactionReader

if TYPE_CHECKING:
    from libs.x12.envelope import Envelope

_HEAD_ONCE = ("BPR", "TRN")
_HEAD = frozenset({"BPR", "NTE", "TRN", "CUR", "REF", "DTM", "N1", "N2", "N3", "N4", "PER", "RDM"})
_BETWEEN = frozenset({"LX", "TS3", "TS2"})
_PAIRS = range(3, 15, 2)  # PLB03/04 to PLB13/14


class RemittanceReader(TransactionReader):
    """Reads one 835; its units are its claims (CLP loops)."""

    starts = ("CLP",)
    ends = ("CLP", "LX", "PLB", "TS3", "TS2")
    loop = "2100"

    def __init__(self, items: list[Item], opened: TransactionOpened, separator: str, component: str) -> None:
        super().__init__(items, opened, separator, component)
        self._loop = ClaimLoop(separator, component, self.unit_ends)
        self._head: list[tuple[list[str], tuple[int, int]]] = []  # elements and position
        self._head_done = False
        self._payment_cents: int | None = None
        self._charge_cents = 0
        self._paid_cents = 0
        self._adjustment_cents = 0
        self._unbalanced_lines = 0
        self._unbalanced_claims = 0
        self._provider_adjustments: list[ProviderAdjustment] = []
        self._provider_cents = 0

    def unit(self, cursor: Cursor, start: int) -> tuple[int, bool]:
        """Read the CLP loop at a place of the cursor's batch."""
        byte_offset, segment_index = cursor.position(start)
        ordinal = self.units_read + self.units_lost + 1
        end, remit, oddities = self._loop.read(cursor.segments, start, ordinal, segment_index, byte_offset)
        if not end:
            return 0, False
        if self.beyond_measure(cursor, start, end):
            self.lose(cursor, start, "claim_too_long")
            return end, False
        self.before_first_unit(cursor, start)
        if remit is None:
            self.lose(cursor, start, "claim_unreadable")
        if oddities:
            self._report(cursor, start, end, ordinal, oddities)
        if remit is not None:
            self.units_read += 1
            self._charge_cents += remit.charge_cents
            self._paid_cents += remit.paid_cents
            self._adjustment_cents += remit.adjustment_cents
            if remit.difference_cents:
                self._unbalanced_claims += 1
            self.items.append(remit)
        return end, True

    def before_first_unit(self, cursor: Cursor, start: int) -> None:
        if not self._head_done:
            cursor.at(start)
            self._finish_head(cursor)

    def _report(self, cursor: Cursor, start: int, end: int, ordinal: int, oddities: list[Oddity]) -> None:
        inside = cursor.segments[start:end]
        line_at = next((at for at, segment in enumerate(inside) if segment.startswith("SVC")), end)
        for place, code, severity, element, snip_type, difference_cents in oddities:
            if code == "line_out_of_balance":
                self._unbalanced_lines += 1
            self.note(
                cursor.position(start + place),
                code,
                severity,
                element[:3] if element else None,
                element=element,
                loop="2110" if place >= line_at else "2100",
                snip_type=snip_type,
                unit=ordinal,
                difference_cents=difference_cents,
            )

    def segment(self, kind: str, elements: list[str], envelope: "Envelope") -> None:
        """Take a segment of the head, between claims, or of the summary."""
        if kind == "PLB":
            self._ensure_head(envelope)
            self._provider_adjustment(elements, envelope)
        elif kind in _BETWEEN:
            self._ensure_head(envelope)
        elif kind in _HEAD and not self._head_done:
            if kind in _HEAD_ONCE and any(known[0] == kind for known, _ in self._head):
                envelope.note("duplicate_segment", "warning", kind)
            else:
                self._head.append((elements, envelope.cursor.position()))
        else:
            envelope.note("unexpected_segment", "warning", segment_id_of(kind), snip_type=1)

    def cut_off(self, unfinished: str) -> None:
        """The input ends here: a head that no claim followed is not known to be whole, and tells of no payment."""
        super().cut_off(unfinished)
        self._head_done = True

    def close(self, envelope: "Envelope", *, complete: bool) -> None:
        """End the transaction: balance it and emit what it came to."""
        self._ensure_head(envelope)
        difference_cents = None
        if self._payment_cents is not None:
            difference_cents = self._paid_cents - self._provider_cents - self._payment_cents
            if difference_cents and complete:
                envelope.note(
                    "transaction_out_of_balance",
                    "warning",
                    "BPR",
                    element="BPR02",
                    snip_type=3,
                    difference_cents=difference_cents,
                    at=self._position_of("BPR"),
                )
        self.items.append(
            TransactionClosed(
                ordinal=self.opened.ordinal,
                type=self.opened.type,
                control_number=self.opened.control_number,
                complete=complete,
                claims=self.units_read,
                claims_unreadable=self.units_lost,
                charge_cents=self._charge_cents,
                paid_cents=self._paid_cents,
                adjustment_cents=self._adjustment_cents,
                unbalanced_lines=self._unbalanced_lines,
                unbalanced_claims=self._unbalanced_claims,
                balance_difference_cents=difference_cents,
                provider_adjustments=tuple(self._provider_adjustments),
            )
        )

    def _ensure_head(self, envelope: "Envelope") -> None:
        if not self._head_done:
            self._finish_head(envelope.cursor)

    def _finish_head(self, cursor: Cursor) -> None:
        """Emit the payment that the head tells of, once, before the first claim."""
        self._head_done = True
        payment = self._find("BPR", 17)
        trace = self._find("TRN", 5)
        for segment_id, found in (("BPR", payment), ("TRN", trace)):
            if not found[0]:
                self._note_head(cursor, "missing_segment", "error", segment_id)
        amount_cents = None
        if payment[0]:
            amount_cents, problem = parse_amount(payment[2]) if payment[2] else (None, "missing_element")
            if problem is not None:
                self._note_head(cursor, problem, "error" if amount_cents is None else "warning", "BPR", "BPR02")
            if amount_cents is not None and payment[3] == "D":
                amount_cents = -amount_cents  # a debit takes money from the provider
            if payment[16] and parse_date(payment[16]) is None:
                self._note_head(cursor, "bad_date", "warning", "BPR", "BPR16")
        for place, element in ((2, "TRN02"), (3, "TRN03")):
            if trace[0] and not trace[place]:
                self._note_head(cursor, "missing_element", "warning", "TRN", element)
        self._payment_cents = amount_cents
        payer = self._find("N1", 5, "PR")
        payee = self._find("N1", 5, "PE")
        byte_offset, segment_index = self._position_of("BPR") or (self.opened.byte_offset, self.opened.segment_index)
        self.items.append(
            PaymentRead(
                transaction_ordinal=self.opened.ordinal,
                handling_code=payment[1],
                amount_cents=amount_cents,
                method=payment[4],
                payment_on=parse_date(payment[16]),
                trace_number=trace[2],
                payer_id=trace[3],
                payer_name=readable(payer[2]),
                payee_name=readable(payee[2]),
                payee_id=payee[4],
                produced_on=parse_date(self._find("DTM", 3, "405")[2]),
                originating_id=payment[10],
                byte_offset=byte_offset,
                segment_index=segment_index,
            )
        )

    def _find(self, segment_id: str, width: int, qualifier: str | None = None) -> list[str]:
        """Return the elements of a head segment, filled up to a width; all empty when it is absent."""
        for elements, _ in self._head:
            if elements[0] == segment_id and (qualifier is None or elements[1:2] == [qualifier]):
                return [*elements, *[""] * (width - len(elements))]
        return [""] * width

    def _position_of(self, segment_id: str) -> tuple[int, int] | None:
        """Return where a segment of the head stands."""
        return next((position for elements, position in self._head if elements[0] == segment_id), None)

    def _provider_adjustment(self, elements: list[str], envelope: "Envelope") -> None:
        count = len(elements)
        fiscal_on = parse_date(elements[2]) if count > 2 else None  # noqa: PLR2004
        for at in _PAIRS:
            if at >= count or not any(elements[at : at + 2]):
                continue
            amount = elements[at + 1] if at + 1 < count else ""
            cents, problem = parse_amount(amount) if amount else (None, "missing_element")
            if problem is not None:
                envelope.note(problem, "error" if cents is None else "warning", "PLB", element=f"PLB{at + 1:02d}")
            if cents is None:
                continue
            reason, _, reference = elements[at].partition(self._loop.component)
            provider_id = elements[1] if count > 1 else ""
            self._provider_adjustments.append(ProviderAdjustment(provider_id, fiscal_on, reason, reference, cents))
            self._provider_cents += cents

    def _note_head(self, cursor: Cursor, code: str, severity: Severity, segment_id: str, element: str | None = None) -> None:
        self.note(self._position_of(segment_id) or cursor.position(), code, severity, segment_id, element=element)
