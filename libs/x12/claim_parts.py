"""Parts of an 837 claim from their segments: parties, dates, diagnoses, lines, other payers. Oddities are noted, never raised."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from libs.x12.claim import (
    Address,
    Attachment,
    ClaimLine,
    Dated,
    Diagnosis,
    LineAdjudication,
    OtherPayer,
    Payer,
    Person,
    Provider,
    Reference,
    Subscription,
)
from libs.x12.claim_loop import Oddity
from libs.x12.model import Adjustment, Severity, parse_date, readable
from libs.x12.money import parse_amount

DIAGNOSIS_QUALIFIERS = frozenset({"ABK", "BK", "ABF", "BF", "ABJ", "BJ", "APR", "PR", "ABN", "BN"})
_PRESENT_ON_ADMISSION = 8  # HI0n-9
_MONEY_CACHE_MAX = 50_000
_COUNT_MAX = 6  # digits
_PLAIN_AMOUNT_MAX = 15  # characters: far below what is too large
_TRIPLES = range(2, 20, 3)
_INSURED, _PAYER = "IL", "PR"

# The order in which the guides have the segments that are only kept: one for all parts, so that what is written reads back equal.
_ORDER = {
    kind: rank
    for rank, kind in enumerate(
        (
            "PAT", "CUR", "DN1", "DN2", "TOO", "SV5", "DTP", "CL1", "PWK", "CN1", "CR1", "CR2", "CR3", "CRC", "QTY", "MEA", "AMT",
            "OI", "MIA", "MOA", "K3", "NTE", "PS1", "HI", "HCP", "LIN", "CTP", "PER",
        )
    )
}  # fmt: skip

Placed = tuple[str, int]  # a segment, and its place from the beginning of its unit
Party = tuple[list[str], list[Placed]]  # the elements of an NM1 and what stands under it


def filled(segment: str, separator: str, width: int) -> list[str]:
    """Split a segment into at least so many elements."""
    elements = segment.split(separator)
    short = width - len(elements)
    return elements + [""] * short if short > 0 else elements


def in_order(segments: list[str], separator: str) -> tuple[str, ...]:
    """Return kept segments in the guides' order, up to the first party among them; those of one kind keep theirs."""
    if len(segments) < 2:  # noqa: PLR2004 - nothing to order, as nearly always
        return tuple(segments)
    first = next((at for at, segment in enumerate(segments) if segment.startswith("NM1")), len(segments))
    heads = sorted(segments[:first], key=lambda segment: _ORDER.get(segment.partition(separator)[0], len(_ORDER)))
    return (*heads, *segments[first:])


def _count(text: str) -> int:
    """Read a small number; 0 where it is none."""
    return int(text) if len(text) <= _COUNT_MAX and text.isascii() and text.isdecimal() else 0


class Parts:
    """Reads parts of claims in one interchange's delimiters; `oddities` holds what was irregular since they were last taken."""

    def __init__(self, separator: str, component: str) -> None:
        self.separator, self.component = separator, component
        self.oddities: list[Oddity] = []
        self._money: dict[str, int] = {}

    def cents(self, text: str, place: int, element: str, *, severity: Severity = "error") -> int | None:
        """Read an amount; None where there is none or it cannot be read."""
        known = self._money.get(text)
        if known is not None:
            return known
        cents: int | None
        problem: str | None
        digits = text[:-3] + text[-2:]
        if text[-3:-2] == "." and len(text) <= _PLAIN_AMOUNT_MAX and digits.isdecimal() and digits.isascii():
            cents, problem = int(digits), None  # as nearly all are spelled
        else:
            cents, problem = parse_amount(text) if text else (None, "missing_element")
        if problem is not None:
            self.oddities.append(Oddity(place, problem, "warning" if cents is not None else severity, element, 1))
        elif cents is not None:
            if len(self._money) >= _MONEY_CACHE_MAX:
                self._money.clear()
            self._money[text] = cents
        return cents

    def split(self, segments: Sequence[Placed]) -> tuple[list[Placed], list[Party]]:
        """Tell the segments before the first NM1 from the parties that follow, each with what stands under it."""
        heads: list[Placed] = []
        parties: list[Party] = []
        under = heads
        for placed in segments:
            if placed[0][:3] == "NM1":
                under = []
                parties.append((filled(placed[0], self.separator, 10), under))
            else:
                under.append(placed)
        return heads, parties

    def address_and_references(self, segments: Sequence[Placed]) -> tuple[Address | None, tuple[Reference, ...], list[Placed]]:
        """Take N3, N4 and REF out of what stands under a party; return the rest too."""
        street, place, references, rest = None, None, [], []
        for placed in segments:
            kind = placed[0][:3]
            if kind == "REF":
                references.append(self.reference(placed[0]))
            elif kind == "N3" + self.separator and street is None:
                street = filled(placed[0], self.separator, 3)
            elif kind == "N4" + self.separator and place is None:
                place = filled(placed[0], self.separator, 5)
            else:
                rest.append(placed)
        if street is None and place is None:
            return None, tuple(references), rest
        street, place = street or [""] * 3, place or [""] * 5
        address = Address(readable(street[1]), readable(street[2]), readable(place[1]), place[2], place[3], place[4])
        return address, tuple(references), rest

    def reference(self, segment: str) -> Reference:
        elements = filled(segment, self.separator, 3)
        return Reference(elements[1], elements[2])

    def provider(self, party: Party, taxonomy_code: str = "") -> Provider:
        """Read a provider's loop."""
        name, under = party
        address, references, rest = self.address_and_references(under)
        kept = []
        for segment, _ in rest:
            if segment.startswith("PRV") and not taxonomy_code:
                taxonomy_code = filled(segment, self.separator, 4)[3]
            else:
                kept.append(segment)
        is_npi = name[8] == "XX"
        return Provider(
            entity_code=name[1],
            name=readable(name[3]),
            first_name=readable(name[4]),
            middle_name=readable(name[5]),
            suffix=name[7],
            is_person=name[2] == "1",
            npi=name[9] if is_npi else "",
            id_qualifier="" if is_npi else name[8],
            id="" if is_npi else name[9],
            taxonomy_code=taxonomy_code,
            address=address,
            references=references,
            segments=in_order(kept, self.separator),
        )

    def person(self, party: Party, more: Sequence[str] = ()) -> Person:
        """Read a subscriber or patient; `more` are segments of its level that belong to it."""
        name, under = party
        address, references, rest = self.address_and_references(under)
        birth_on, sex, kept = None, "", list(more)
        for segment, place in rest:
            if segment.startswith("DMG") and birth_on is None:
                elements = filled(segment, self.separator, 4)
                birth_on, sex = self.day(elements[2], place, "DMG02"), elements[3]
            else:
                kept.append(segment)
        return Person(
            last_name=readable(name[3]),
            first_name=readable(name[4]),
            middle_name=readable(name[5]),
            suffix=name[7],
            is_person=name[2] == "1",
            id_qualifier=name[8],
            member_id=name[9],
            birth_on=birth_on,
            sex=sex,
            address=address,
            references=references,
            segments=in_order(kept, self.separator),
        )

    def payer(self, name: list[str], under: Sequence[Placed], more: Sequence[str] = ()) -> Payer:
        """Read a payer; `more` are segments of other parties of its level."""
        address, references, rest = self.address_and_references(under)
        kept = in_order([segment for segment, _ in rest], self.separator)
        return Payer(readable(name[3]), name[9], name[8], address, references, (*kept, *more))

    def subscription(self, segment: str) -> Subscription:
        elements = filled(segment, self.separator, 10)
        return Subscription(elements[1], elements[2], elements[3], readable(elements[4]), elements[5], elements[9])

    def day(self, text: str, place: int, element: str) -> date | None:
        day = parse_date(text)
        if day is None and text:
            self.oddities.append(Oddity(place, "bad_date", "error", element, 1))
        return day

    def dated(self, segment: str, place: int) -> Dated | None:
        """Read a DTP; None (and an oddity) where its value is no date."""
        _, qualifier, form, value = filled(segment, self.separator, 4)[:4]
        if form == "RD8":
            first, _, last = value.partition("-")
            from_on, to_on = parse_date(first), parse_date(last)
            if from_on is not None and to_on is not None:
                return Dated(qualifier, from_on, to_on)
        elif form in ("D8", "DT"):
            from_on = parse_date(value)
            if from_on is not None:
                return Dated(qualifier, from_on, None, value[8:])
        elif form == "TM":
            return None  # a time of day: kept as it stands
        self.oddities.append(Oddity(place, "bad_date", "error", "DTP03", 1))
        return None

    def diagnoses(self, segment: str) -> list[Diagnosis] | None:
        """Read an HI of diagnoses; None when it holds other codes."""
        found = []
        for composite in segment.split(self.separator)[1:]:
            parts = composite.split(self.component)
            if parts[0] not in DIAGNOSIS_QUALIFIERS or len(parts) < 2:  # noqa: PLR2004 - qualifier and code
                return None
            present = parts[_PRESENT_ON_ADMISSION] if len(parts) > _PRESENT_ON_ADMISSION else ""
            found.append(Diagnosis(parts[0], parts[1], present))
        return found

    def adjustments(self, segment: str, place: int) -> list[Adjustment]:
        """Read up to six triplets of one CAS."""
        elements = segment.split(self.separator)
        found = []
        for at in _TRIPLES:
            if at >= len(elements) or not any(elements[at : at + 2]):
                continue
            amount = elements[at + 1] if at + 1 < len(elements) else ""
            cents = self.cents(amount, place, f"CAS{at + 1:02d}")
            if cents is not None:
                quantity = elements[at + 2] if at + 2 < len(elements) else ""
                found.append(Adjustment(elements[1], elements[at], cents, quantity or None))
        return found

    def attachment(self, segment: str) -> Attachment:
        elements = filled(segment, self.separator, 7)
        return Attachment(elements[1], elements[2], elements[6])

    def procedure(self, composite: str) -> tuple[str, str, tuple[str, ...], str]:
        """Split a composite procedure: qualifier, code, modifiers, description."""
        parts = composite.split(self.component)
        code = parts[1] if len(parts) > 1 else ""
        modifiers = tuple(part for part in parts[2:6] if part)
        return parts[0], code, modifiers, readable(parts[6]) if len(parts) > 6 else ""  # noqa: PLR2004

    def line(self, segments: Sequence[Placed]) -> ClaimLine | None:
        """Read a line from its LX on; None when its charge cannot be read."""
        cuts = [at for at, (segment, _) in enumerate(segments) if segment.startswith("SVD")]
        own, adjudicated = (segments[: cuts[0]], cuts) if cuts else (segments, [])
        heads, parties = self.split(own)
        number = filled(heads[0][0], self.separator, 2)[1]
        service: dict[str, object] | None = None
        references, kept = [], []
        period: Dated | None = None
        line_control_number = drug_code = ""
        for segment, place in heads[1:]:
            kind = segment[:3]
            if kind in ("SV1", "SV2", "SV3") and service is None:
                service = self._service(segment, place)
            elif kind == "DTP" and period is None and segment[4:7] == "472":
                period = self.dated(segment, place)
                if period is None:
                    kept.append(segment)
            elif kind == "REF":
                reference = self.reference(segment)
                if reference.qualifier == "6R" and not line_control_number:
                    line_control_number = reference.value
                else:
                    references.append(reference)
            elif kind == "LIN" and not drug_code and segment.split(self.separator)[2:3] == ["N4"]:
                drug_code = filled(segment, self.separator, 4)[3]
            else:
                kept.append(segment)
        if service is None or service["charge_cents"] is None:
            if service is None:
                self.oddities.append(Oddity(heads[0][1], "missing_segment", "error", None, 1))
            return None
        bounds = [*adjudicated, len(segments)]
        return ClaimLine(
            number=_count(number),
            service_from_on=period.from_on if period else None,
            service_to_on=period.to_on if period else None,
            line_control_number=line_control_number,
            drug_code=drug_code,
            references=tuple(references),
            providers=tuple(map(self.provider, parties)),
            adjudications=tuple(self._adjudication(segments[a:b]) for a, b in pairwise(bounds)),
            segments=in_order(kept, self.separator),
            **service,  # type: ignore[arg-type]  # the names are ClaimLine's
        )

    def _service(self, segment: str, place: int) -> dict[str, object]:
        """Read SV1, SV2 or SV3."""
        kind = segment[:3]
        if kind == "SV1":
            _, composite, charge, unit, units, place_of_service, _, pointers, *more = filled(segment, self.separator, 8)
            revenue, element = "", "SV102"
        elif kind == "SV2":
            _, revenue, composite, charge, unit, units, *more = filled(segment, self.separator, 6)
            place_of_service, pointers, element = "", "", "SV203"
        else:
            elements = filled(segment, self.separator, 12)
            composite, charge, place_of_service, units, pointers = (elements[at] for at in (1, 2, 3, 6, 11))
            more = [*elements[4:6], *elements[7:11]]
            revenue, unit, element = "", "", "SV302"
        qualifier, code, modifiers, description = self.procedure(composite)
        while more and not more[-1]:
            more.pop()
        return {
            "charge_cents": self.cents(charge, place, element),
            "procedure_code": code,
            "qualifier": qualifier,
            "modifiers": modifiers,
            "description": description,
            "unit": unit,
            "units": units,
            "place_of_service": place_of_service,
            "diagnosis_pointers": tuple(filter(None, map(_count, pointers.split(self.component)))),
            "revenue_code": revenue,
            "more": tuple(more),
        }

    def _adjudication(self, segments: Sequence[Placed]) -> LineAdjudication:
        (head, place), *rest = segments
        elements = filled(head, self.separator, 6)
        qualifier, code, modifiers, _ = self.procedure(elements[3])
        adjustments, adjudicated_on, kept = [], None, []
        for segment, at in rest:
            if segment.startswith("CAS"):
                adjustments += self.adjustments(segment, at)
            elif segment.startswith("DTP") and adjudicated_on is None and segment[4:7] == "573":
                dated = self.dated(segment, at)
                adjudicated_on = dated.from_on if dated else None
            else:
                kept.append(segment)
        paid_cents = self.cents(elements[2], place, "SVD02") or 0
        return LineAdjudication(
            elements[1], paid_cents, qualifier, code, modifiers, elements[4], elements[5], tuple(adjustments), adjudicated_on,
            in_order(kept, self.separator),
        )  # fmt: skip

    def other_payer(self, placed: Sequence[Placed]) -> OtherPayer:
        """Read loop 2320 from its SBR on."""
        heads, parties = self.split(placed)
        adjustments, paid_cents, kept = [], None, []
        for segment, place in heads[1:]:
            elements = segment.split(self.separator)
            if elements[0] == "CAS":
                adjustments += self.adjustments(segment, place)
            elif elements[:2] == ["AMT", "D"] and paid_cents is None:
                paid_cents = self.cents(filled(segment, self.separator, 3)[2], place, "AMT02")
            else:
                kept.append(segment)
        payer, subscriber, adjudicated_on = Payer(), None, None
        for party in parties:
            name, under = party
            if name[1] == _INSURED and subscriber is None:
                subscriber = self.person(party)
            elif name[1] == _PAYER and not payer.name:
                own = []
                for segment, place in under:
                    if segment.startswith("DTP") and adjudicated_on is None:
                        dated = self.dated(segment, place)
                        adjudicated_on = dated.from_on if dated else None
                    else:
                        own.append((segment, place))
                payer = self.payer(name, own)
            else:
                kept += [self.separator.join(name).rstrip(self.separator), *(segment for segment, _ in under)]
        segments = in_order(kept, self.separator)
        return OtherPayer(
            self.subscription(heads[0][0]), payer, subscriber, paid_cents, tuple(adjustments), adjudicated_on, segments
        )
