"""Parts of an 837 claim from their segments: parties, dates, diagnoses, procedures. Oddities are noted, never raised.

A part is where it stands in the segments at hand: `begin` and `end`. What a file says over and over (payers, providers, days,
procedures) is read once and remembered by its text.
"""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from libs.x12.claim import (
    DIAGNOSIS_QUALIFIERS,
    Address,
    Attachment,
    Dated,
    Diagnosis,
    Payer,
    Person,
    Provider,
    Reference,
    Subscription,
)
from libs.x12.claim_loop import Oddity
from libs.x12.model import Adjustment, Severity, parse_date, readable
from libs.x12.money import parse_amount

Key = TypeVar("Key")
Value = TypeVar("Value")

_PRESENT_ON_ADMISSION = 8  # HI0n-9
_MONEY_CACHE_MAX = 50_000
_COUNT_MAX = 6  # digits
_PLAIN_AMOUNT_MAX = 15  # characters: far below what is too large
_TRIPLES = range(2, 20, 3)
_PARTY_CACHE_MAX = 1000
_CACHE_MAX = 5000

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


def count_of(text: str) -> int:
    """Read a small number; 0 where it is none."""
    return int(text) if len(text) <= _COUNT_MAX and text.isascii() and text.isdecimal() else 0


def remember(cache: dict[Key, Value], key: Key, value: Value, most: int = _CACHE_MAX) -> Value:
    """Keep a value for the next time; a full cache begins anew."""
    if len(cache) >= most:
        cache.clear()
    cache[key] = value
    return value


class Parts:
    """Reads parts of claims in one interchange's delimiters.

    `oddities` holds what was irregular since they were last taken, each with its place among the segments at hand.
    """

    def __init__(self, separator: str, component: str) -> None:
        self.separator, self.component = separator, component
        self.oddities: list[Oddity] = []
        self.money: dict[str, int] = {}  # what was read already, by its text: for the hot paths to look into first
        self.days: dict[str, Dated] = {}
        self.procedures: dict[str, tuple[str, str, tuple[str, ...], str]] = {}
        self._street, self._place = "N3" + separator, "N4" + separator
        self._places: dict[str, tuple[str, str, str, str]] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._diagnoses: dict[str, tuple[Diagnosis, ...] | None] = {}
        self._providers: dict[tuple[str, ...], Provider] = {}
        self._payers: dict[tuple[str, ...], Payer] = {}

    # -- single segments

    def cents(self, text: str, place: int, element: str, *, severity: Severity = "error") -> int | None:
        """Read an amount; None where there is none or it cannot be read."""
        known = self.money.get(text)
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
            if len(self.money) >= _MONEY_CACHE_MAX:
                self.money.clear()
            self.money[text] = cents
        return cents

    def reference(self, segment: str) -> Reference:
        _, qualifier, value, *_ = [*segment.split(self.separator), "", ""]
        return Reference(qualifier, value)

    def subscription(self, segment: str) -> Subscription:
        known = self._subscriptions.get(segment)
        if known is not None:
            return known
        elements = filled(segment, self.separator, 10)
        read = Subscription(elements[1], elements[2], elements[3], readable(elements[4]), elements[5], elements[9])
        return remember(self._subscriptions, segment, read)

    def day(self, text: str, place: int, element: str) -> date | None:
        day = parse_date(text)
        if day is None and text:
            self.oddities.append(Oddity(place, "bad_date", "error", element, 1))
        return day

    def dated(self, segment: str, place: int) -> Dated | None:
        """Read a DTP; None (and an oddity) where its value is no date."""
        known = self.days.get(segment)
        if known is not None:
            return known
        _, qualifier, form, value = filled(segment, self.separator, 4)[:4]
        if form == "RD8":
            first, _, last = value.partition("-")
            from_on, to_on = parse_date(first), parse_date(last)
            if from_on is not None and to_on is not None:
                return remember(self.days, segment, Dated(qualifier, from_on, to_on))
        elif form in ("D8", "DT"):
            from_on = parse_date(value)
            if from_on is not None:
                return remember(self.days, segment, Dated(qualifier, from_on, None, value[8:]))
        elif form == "TM":
            return None  # a time of day: kept as it stands
        self.oddities.append(Oddity(place, "bad_date", "error", "DTP03", 1))
        return None

    def diagnoses(self, segment: str) -> tuple[Diagnosis, ...] | None:
        """Read an HI of diagnoses; None when it holds other codes."""
        if segment in self._diagnoses:
            return self._diagnoses[segment]
        return remember(self._diagnoses, segment, self._read_diagnoses(segment))

    def _read_diagnoses(self, segment: str) -> tuple[Diagnosis, ...] | None:
        found = []
        for composite in segment.split(self.separator)[1:]:
            parts = composite.split(self.component)
            if parts[0] not in DIAGNOSIS_QUALIFIERS or len(parts) < 2:  # noqa: PLR2004 - qualifier and code
                return None
            present = parts[_PRESENT_ON_ADMISSION] if len(parts) > _PRESENT_ON_ADMISSION else ""
            found.append(Diagnosis(parts[0], parts[1], present))
        return tuple(found)

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
        known = self.procedures.get(composite)
        if known is not None:
            return known
        parts = composite.split(self.component)
        code = parts[1] if len(parts) > 1 else ""
        modifiers = tuple(part for part in parts[2:6] if part)
        description = readable(parts[6]) if len(parts) > 6 else ""  # noqa: PLR2004 - the seventh component, where there is one
        return remember(self.procedures, composite, (parts[0], code, modifiers, description))

    # -- parties

    def party(self, segments: Sequence[str], begin: int, end: int) -> tuple[list[str], Address | None, list[Reference], list[int]]:
        """Read what all parties have: the elements of NM1, address and references; and the places of the segments that are left."""
        separator, street_kind, place_kind = self.separator, self._street, self._place
        street = place = ""
        references: list[Reference] = []
        left: list[int] = []
        for at in range(begin + 1, end):
            segment = segments[at]
            kind = segment[:3]
            if kind == street_kind and not street:
                street = segment
            elif kind == place_kind and not place:
                place = segment
            elif kind == "REF":
                references.append(self.reference(segment))
            elif segment:
                left.append(at)
        name = filled(segments[begin], separator, 10)
        if not segments[begin].isascii():
            name[3:6] = map(readable, name[3:6])
        return name, self._address(street, place) if street or place else None, references, left

    def _address(self, street: str, place: str) -> Address:
        _, line_1, line_2, *_ = [*street.split(self.separator), "", ""]
        if not street.isascii():
            line_1, line_2 = readable(line_1), readable(line_2)
        return Address(line_1, line_2, *(self._places.get(place) or self._read_place(place)))

    def _read_place(self, place: str) -> tuple[str, str, str, str]:
        """Split N4: city, state, postal code, country."""
        _, city, state, postal_code, country, *_ = [*place.split(self.separator), "", "", "", ""]
        return remember(self._places, place, (readable(city), state, postal_code, country))

    def provider(self, segments: Sequence[str], begin: int, end: int, taxonomy_code: str = "") -> Provider:
        """Read a provider's loop. `taxonomy_code` is what its level told before."""
        told = (taxonomy_code, *segments[begin:end])
        known = self._providers.get(told)
        if known is not None:
            return known
        name, address, references, left = self.party(segments, begin, end)
        kept = []
        for at in left:
            segment = segments[at]
            if segment.startswith("PRV") and not taxonomy_code:
                taxonomy_code = filled(segment, self.separator, 4)[3]
            else:
                kept.append(segment)
        is_npi = name[8] == "XX"
        read = Provider(
            entity_code=name[1],
            name=name[3],
            first_name=name[4],
            middle_name=name[5],
            suffix=name[7],
            is_person=name[2] == "1",
            npi=name[9] if is_npi else "",
            id_qualifier="" if is_npi else name[8],
            id="" if is_npi else name[9],
            taxonomy_code=taxonomy_code,
            address=address,
            references=tuple(references),
            segments=in_order(kept, self.separator),
        )
        return remember(self._providers, told, read, _PARTY_CACHE_MAX)

    def person(self, segments: Sequence[str], begin: int, end: int, more: Sequence[str] = ()) -> Person:
        """Read a subscriber or patient; `more` are segments of its level that belong to it."""
        name, address, references, left = self.party(segments, begin, end)
        birth_on, sex, kept = None, "", list(more)
        for at in left:
            segment = segments[at]
            if segment.startswith("DMG") and birth_on is None:
                elements = filled(segment, self.separator, 4)
                birth_on, sex = self.day(elements[2], at, "DMG02"), elements[3]
            else:
                kept.append(segment)
        return Person(
            name[3],
            name[4],
            name[5],
            name[7],
            name[2] == "1",
            name[8],
            name[9],
            birth_on,
            sex,
            address,
            tuple(references),
            in_order(kept, self.separator),
        )

    def payer(self, segments: Sequence[str], begin: int, end: int, more: Sequence[str] = ()) -> Payer:
        """Read a payer; `more` are segments of other parties of its level."""
        told = (*segments[begin:end], "", *more)
        known = self._payers.get(told)
        if known is not None:
            return known
        name, address, references, left = self.party(segments, begin, end)
        kept = in_order([segments[at] for at in left], self.separator)
        read = Payer(name[3], name[9], name[8], address, tuple(references), (*kept, *more))
        return remember(self._payers, told, read, _PARTY_CACHE_MAX)
