"""One CLP loop: its segments in, a Remit and what was odd about it out. The reader's hot path, so plain and flat.

Balance (domain rules of the 835): a line owes charge - paid - its adjustments; a claim owes CLP03 - CLP04 - the adjustments of the
claim and of all its lines: adjustments at both levels are different money and both count.
"""

from collections.abc import Sequence
from typing import NamedTuple

from libs.x12.model import Adjustment, Remit, ServiceLine, Severity
from libs.x12.money import Amount, parse_amount

_TRIPLES = range(2, 20, 3)  # CAS02, CAS05, ... CAS17: up to six triples a segment
_OTHER_COMPONENTS = ":>|^<\\;"
_MONEY_CACHE_MAX = 50_000
_PROCEDURE_CACHE_MAX = 5_000
_PLAIN_AMOUNT_MAX = 15  # characters: far below what is too large


class Oddity(NamedTuple):
    """Something irregular inside the loop: which of its segments (from 0), and what."""

    place: int
    code: str
    severity: Severity
    element: str | None
    snip_type: int
    difference_cents: int | None = None


class ClaimLoop:
    """Reads CLP loops of one interchange: it knows the delimiters, remembers amounts, and which component separator is in use.

    `ends` holds the first three characters of the segments that a loop ends before.
    """

    def __init__(self, separator: str, component: str, ends: frozenset[str]) -> None:
        self.separator = separator
        self.component = component
        self._money: dict[str, int] = {}
        self._procedures: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        self._remark = "LQ" + separator
        self._ends = ends
        self._kept = frozenset({"NM1", "MIA", "MOA", "REF", "DTM", "PER", "AMT", "QTY", "RDM"})

    def read(  # noqa: C901, PLR0912, PLR0915 - one flat loop over segments is the point: a call a segment costs a third more
        self, segments: Sequence[str], start: int, ordinal: int, segment_index: int, byte_offset: int
    ) -> tuple[int, Remit | None, list[Oddity]]:
        """Read the loop whose CLP is `segments[start]`.

        Returns where the next segment that is not part of it stands (0 when the segments at hand end first: nothing is known
        then), the remit or None when its charge or payment cannot be read, and what was odd, by place from the CLP (0) on.
        """
        separator, remark, kept, ends, money = self.separator, self._remark, self._kept, self._ends, self._money
        known, component = money.get, self.component
        oddities: list[Oddity] = []
        adjustments: list[Adjustment] = []
        tail: list[str] = []
        rarcs: list[str] = []
        lines: list[ServiceLine] = []
        own = (adjustments, tail)
        service: list[str] | None = None
        service_place = explained_cents = line_start_cents = end = 0
        for at in range(start + 1, len(segments)):
            segment = segments[at]
            kind = segment[:3]
            if kind in kept:
                tail.append(segment)
            elif kind == "CAS":
                elements = segment.split(separator)
                if len(elements) == 4:  # noqa: PLR2004 - one triplet without quantity, as nearly all are
                    _, group_code, carc, amount = elements
                    cents = known(amount)
                    if cents is not None and group_code and carc:
                        adjustments.append(Adjustment(group_code, carc, cents))
                        explained_cents += cents
                        continue
                explained_cents += self._adjust(elements, at - start, adjustments, oddities)
            elif kind == "SVC":
                if service is not None:
                    explained = explained_cents - line_start_cents
                    lines.append(self._line(service, service_place, (adjustments, rarcs, tail), explained, oddities))
                service, service_place, line_start_cents = segment.split(separator), at - start, explained_cents
                adjustments, rarcs, tail = [], [], []
            elif kind == remark:
                elements = segment.split(separator)
                if len(elements) > 2 and elements[2]:  # noqa: PLR2004
                    rarcs.append(elements[2])
            elif segment:
                if kind in ends:
                    end = at
                    break
                oddities.append(Oddity(at - start, "unexpected_segment", "warning", None, 1))
        if not end:
            self._forget(component)  # all of it is read once more, and what is odd about it is told then
            return 0, None, []
        if service is not None:
            explained = explained_cents - line_start_cents
            lines.append(self._line(service, service_place, (adjustments, rarcs, tail), explained, oddities))
        head = segments[start].split(separator)
        if len(head) < 10:  # noqa: PLR2004 - CLP09 is the last that is read
            head += [""] * (10 - len(head))
        _, pcn, status, charge, paid, patient, filing, control_number, facility, frequency, *_ = head
        charge_cents, paid_cents = known(charge), known(paid)
        if charge_cents is None:
            charge_cents = self._amount(charge, 0, "CLP03", oddities)
        if paid_cents is None:
            # A payment that is left out is read as nothing paid: the claim is kept, the gap is said.
            paid_cents = self._amount(paid, 0, "CLP04", oddities)
            if not paid:
                paid_cents = 0
        if not pcn or not status:
            oddities.append(Oddity(0, "missing_element", "warning", "CLP02" if pcn else "CLP01", 1))
        if charge_cents is None or paid_cents is None:
            return end, None, oddities
        difference_cents = charge_cents - paid_cents - explained_cents
        if difference_cents:
            oddities.append(Oddity(0, "claim_out_of_balance", "warning", "CLP04", 3, difference_cents))
        patient_cents = known(patient)
        if patient_cents is None and patient:
            patient_cents = self._amount(patient, 0, "CLP05", oddities, severity="warning")
        remit = Remit(
            tuple(own[1]),
            separator,
            ordinal,
            segment_index,
            byte_offset,
            pcn,
            status,
            charge_cents,
            paid_cents,
            difference_cents,
            explained_cents,
            patient_cents,
            filing or None,
            control_number,
            facility or None,
            frequency or None,
            tuple(own[0]),
            tuple(lines),
        )
        return end, remit, oddities

    def _adjust(self, elements: list[str], place: int, adjustments: list[Adjustment], oddities: list[Oddity]) -> int:
        """Add up to six triplets of one CAS; return the cents that they explain."""
        explained_cents = 0
        count = len(elements)
        group_code = elements[1] if count > 1 else ""
        for at in _TRIPLES:
            if at >= count:
                break
            carc = elements[at]
            amount = elements[at + 1] if at + 1 < count else ""
            if not carc and not amount:
                continue
            cents = self._money.get(amount)
            if cents is None:
                cents = self._amount(amount, place, f"CAS{at + 1:02d}", oddities)
            if cents is None:
                continue
            if not group_code or not carc:
                oddities.append(Oddity(place, "missing_element", "warning", f"CAS{at:02d}" if group_code else "CAS01", 1))
            quantity = elements[at + 2] or None if at + 2 < count else None
            adjustments.append(Adjustment(group_code, carc, cents, quantity))
            explained_cents += cents
        return explained_cents

    def _line(
        self,
        service: list[str],
        place: int,
        parts: tuple[list[Adjustment], list[str], list[str]],
        explained_cents: int,
        oddities: list[Oddity],
    ) -> ServiceLine:
        adjustments, rarcs, tail = parts
        count = len(service)
        if count < 8:  # noqa: PLR2004 - SVC07 is the last that is read
            service += [""] * (8 - count)
        _, composite, charge, paid, revenue, units, original, original_units, *_ = service
        charge_cents, paid_cents = self._money.get(charge), self._money.get(paid)
        if charge_cents is None:
            charge_cents = self._amount(charge, place, "SVC02", oddities) or 0
        if paid_cents is None:
            paid_cents = (self._amount(paid, place, "SVC03", oddities) or 0) if paid else 0
        difference_cents = charge_cents - paid_cents - explained_cents
        if difference_cents:
            oddities.append(Oddity(place, "line_out_of_balance", "warning", "SVC03", 3, difference_cents))
        known = self._procedures.get(composite)
        qualifier, code, modifiers = known or self._procedure(composite, place, "SVC01", oddities)
        return ServiceLine(
            tuple(tail),
            self.separator,
            charge_cents,
            paid_cents,
            difference_cents,
            code,
            qualifier,
            modifiers,
            revenue or None,
            units or None,
            self._procedure(original, place, "SVC06", oddities)[1] if original else None,
            original_units or None,
            tuple(adjustments),
            tuple(rarcs),
        )

    def _procedure(self, composite: str, place: int, element: str, oddities: list[Oddity]) -> tuple[str, str, tuple[str, ...]]:
        """Split a composite procedure: qualifier (two characters), code, up to four modifiers."""
        if composite[2:3] != self.component:
            if composite[2:3] and composite[2:3] in _OTHER_COMPONENTS:
                # The separator in use is not the one that ISA16 declares; without this the code would be lost without a sound.
                self.component = composite[2:3]
                self._procedures.clear()
                oddities.append(Oddity(place, "component_separator_differs", "warning", element, 1))
            elif composite[:1] != self.component:
                oddities.append(Oddity(place, "procedure_without_qualifier", "info", element, 1))
                return self._parts(self.component + composite)
        parts = self._parts(composite)
        if len(self._procedures) < _PROCEDURE_CACHE_MAX:
            self._procedures[composite] = parts
        return parts

    def _forget(self, component: str) -> None:
        """Go back to a component separator, where another one was found in what did not count."""
        if component != self.component:
            self.component = component
            self._procedures.clear()

    def _parts(self, composite: str) -> tuple[str, str, tuple[str, ...]]:
        qualifier, code, *modifiers = composite.split(self.component)
        return qualifier, code, tuple(part for part in modifiers[:4] if part)

    def _amount(self, text: str, place: int, element: str, oddities: list[Oddity], *, severity: Severity = "error") -> int | None:
        """Read an amount that is not remembered yet."""
        if not text:
            oddities.append(Oddity(place, "missing_element", severity, element, 1))
            return None
        digits = text[:-3] + text[-2:]
        if text[-3:-2] == "." and len(text) <= _PLAIN_AMOUNT_MAX and digits.isdecimal() and digits.isascii():
            amount = Amount(int(digits), None)  # as nearly all are spelled
        else:
            amount = parse_amount(text)
        cents, problem = amount
        if problem is not None:
            oddities.append(Oddity(place, problem, "warning" if cents is not None else severity, element, 1))
            return cents
        if len(self._money) >= _MONEY_CACHE_MAX:
            self._money.clear()
        if cents is not None:
            self._money[text] = cents
        return cents
