"""Lines of an 837 claim (2400, with what earlier payers decided, 2430) and its other payers (2320). A hot path: plain and flat."""

from collections.abc import Sequence
from itertools import pairwise

from libs.x12.claim import ClaimLine, LineAdjudication, OtherPayer, Payer, Provider, Reference
from libs.x12.claim_loop import Oddity
from libs.x12.claim_parts import Parts, count_of, filled, in_order, remember

_SERVICES = frozenset({"SV1", "SV2", "SV3"})
_INSURED, _PAYER = "IL", "PR"

Service = tuple[str, str, str, str, str, str, str, str, tuple[str, ...]]


class Lines(Parts):
    """Reads lines and other payers. `places` are those of NM1 and SVD in a part, and where it ends."""

    def __init__(self, separator: str, component: str) -> None:
        super().__init__(separator, component)
        self._own_number = f"REF{separator}6R{separator}"
        self._pointers: dict[str, tuple[int, ...]] = {}
        self._numbers: dict[str, int] = {}  # of lines, by their LX
        self._rests: dict[str, tuple[str, str, str, str, str, tuple[str, ...]]] = {}  # of SV1

    def line(  # noqa: C901, PLR0912 - one flat loop over segments: a call a segment costs more than what it does
        self, segments: Sequence[str], begin: int, places: Sequence[int]
    ) -> ClaimLine | None:
        """Read a line from its LX on; None when its charge cannot be read."""
        separator, own_number = self.separator, self._own_number
        service: Service | None = None
        references: list[Reference] = []
        kept: list[str] = []
        from_on = to_on = None
        service_at, line_control_number, drug_code = begin, "", ""
        for at in range(begin + 1, places[0]):
            segment = segments[at]
            kind = segment[:3]
            if kind == "DTP" and from_on is None and segment[4:7] == "472":
                period = self.days.get(segment) or self.dated(segment, at)
                if period is None:
                    kept.append(segment)
                else:
                    from_on, to_on = period.from_on, period.to_on
            elif kind == "REF":
                if not line_control_number and segment.startswith(own_number):
                    line_control_number = segment.split(separator, 3)[2]
                else:
                    references.append(self.reference(segment))
            elif kind in _SERVICES and service is None:
                service, service_at = self._service(kind, segment), at
            elif kind == "LIN" and not drug_code and segment.split(separator)[2:3] == ["N4"]:
                drug_code = filled(segment, separator, 4)[3]
            elif segment:
                kept.append(segment)
        if service is None:
            self.oddities.append(Oddity(begin, "missing_segment", "error", None, 1))
            return None
        composite, charge, element, unit, units, place_of_service, pointers, revenue_code, more = service
        charge_cents = self.money.get(charge)
        if charge_cents is None:
            charge_cents = self.cents(charge, service_at, element)
            if charge_cents is None:
                return None
        qualifier, code, modifiers, description = self.procedures.get(composite) or self.procedure(composite)
        pointed = self._pointers.get(pointers)
        if pointed is None:
            pointed = self._point(pointers)
        number = self._numbers.get(segments[begin])
        if number is None:
            number = remember(self._numbers, segments[begin], count_of(segments[begin].split(separator, 2)[1]))
        providers, adjudications = self._more(segments, places) if len(places) > 1 else ((), ())
        return ClaimLine(
            number, charge_cents, code, qualifier, modifiers, description, unit, units, place_of_service, pointed, revenue_code,
            from_on, to_on, line_control_number, drug_code, tuple(references) if references else (), providers, adjudications, more,
            in_order(kept, separator) if kept else (),
        )  # fmt: skip

    def _service(self, kind: str, segment: str) -> Service:
        """Split SV1, SV2 or SV3 into what a line needs of it. What follows the charge of an SV1 is the same for many lines."""
        if kind != "SV1":
            return self._other_service(kind, segment)
        _, composite, charge, rest, *_ = [*segment.split(self.separator, 3), "", "", ""]
        return composite, charge, "SV102", *(self._rests.get(rest) or self._rest(rest))

    def _rest(self, text: str) -> tuple[str, str, str, str, str, tuple[str, ...]]:
        """Split what follows SV102."""
        unit, units, place_of_service, _, pointers, *more = [*text.split(self.separator), "", "", "", ""]
        return remember(self._rests, text, (unit, units, place_of_service, pointers, "", _without_blanks(more)))

    def _other_service(self, kind: str, segment: str) -> Service:
        elements = filled(segment, self.separator, 12)  # SV311 is the last that is read
        if kind == "SV2":
            _, revenue, composite, charge, unit, units, *more = elements
            return composite, charge, "SV203", unit, units, "", "", revenue, _without_blanks(more)
        _, composite, charge, place_of_service, _, _, units, _, _, _, _, pointers, *_ = elements
        more = [*elements[4:6], *elements[7:11]]
        return composite, charge, "SV302", "", units, place_of_service, pointers, "", _without_blanks(more)

    def _point(self, text: str) -> tuple[int, ...]:
        return remember(self._pointers, text, tuple(filter(None, map(count_of, text.split(self.component)))))

    def _more(self, segments: Sequence[str], places: Sequence[int]) -> tuple[tuple[Provider, ...], tuple[LineAdjudication, ...]]:
        """Read a line's providers, and what earlier payers decided about it."""
        providers, adjudications = [], []
        for begin, end in pairwise(places):
            if segments[begin].startswith("SVD"):
                adjudications.append(self._adjudication(segments, begin, end))
            else:
                providers.append(self.provider(segments, begin, end))
        return tuple(providers), tuple(adjudications)

    def _adjudication(self, segments: Sequence[str], begin: int, end: int) -> LineAdjudication:
        elements = filled(segments[begin], self.separator, 6)
        qualifier, code, modifiers, _ = self.procedure(elements[3])
        adjustments, adjudicated_on, kept = [], None, []
        for at in range(begin + 1, end):
            segment = segments[at]
            if segment.startswith("CAS"):
                adjustments += self.adjustments(segment, at)
            elif segment.startswith("DTP") and adjudicated_on is None and segment[4:7] == "573":
                dated = self.dated(segment, at)
                adjudicated_on = dated.from_on if dated else None
            elif segment:
                kept.append(segment)
        paid_cents = self.cents(elements[2], begin, "SVD02") or 0
        return LineAdjudication(
            elements[1], paid_cents, qualifier, code, modifiers, elements[4], elements[5], tuple(adjustments), adjudicated_on,
            in_order(kept, self.separator),
        )  # fmt: skip

    def other_payer(self, segments: Sequence[str], begin: int, places: Sequence[int]) -> OtherPayer:
        """Read loop 2320 from its SBR on."""
        adjustments, paid_cents, kept = [], None, []
        for at in range(begin + 1, places[0]):
            segment = segments[at]
            elements = segment.split(self.separator)
            if elements[0] == "CAS":
                adjustments += self.adjustments(segment, at)
            elif elements[:2] == ["AMT", "D"] and paid_cents is None:
                paid_cents = self.cents(filled(segment, self.separator, 3)[2], at, "AMT02")
            elif segment:
                kept.append(segment)
        payer, subscriber, adjudicated_on = Payer(), None, None
        for start, end in pairwise(places):
            entity = filled(segments[start], self.separator, 2)[1]
            if entity == _INSURED and subscriber is None:
                subscriber = self.person(segments, start, end)
            elif entity == _PAYER and not payer.name:
                own = [segments[start]]
                for at in range(start + 1, end):
                    if segments[at].startswith("DTP") and adjudicated_on is None:
                        dated = self.dated(segments[at], at)
                        adjudicated_on = dated.from_on if dated else None
                    else:
                        own.append(segments[at])
                payer = self.payer(own, 0, len(own))
            else:
                kept += self.as_told(segments, start, end)
        return OtherPayer(
            self.subscription(segments[begin]),
            payer,
            subscriber,
            paid_cents,
            tuple(adjustments),
            adjudicated_on,
            in_order(kept, self.separator),
        )

    def as_told(self, segments: Sequence[str], begin: int, end: int) -> list[str]:
        """Return the segments of a party that is only kept."""
        return [segments[begin].rstrip(self.separator), *filter(None, segments[begin + 1 : end])]


def _without_blanks(elements: list[str]) -> tuple[str, ...]:
    """Return elements up to the last that says something."""
    while elements and not elements[-1]:
        elements.pop()
    return tuple(elements)
