"""Which line of a claim an answered line is about, and how: one to one, split, unbundled, bundled. Pure.

In this order: the provider's own number of the line (REF*6R); the billed code with modifiers, day and charge; code and charge;
lines of one code whose charges add up to a billed one; the place, where both sides have equally many lines.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import date
from typing import Literal

from msgspec import Struct

from libs.common.contracts.remit_received import ServiceLine

Kind = Literal["single", "split", "unbundled", "bundled", "unmatched"]
How = Literal["line_control_number", "procedure_day_charge", "procedure_charge", "sum", "place"]


class BilledLine(Struct, frozen=True, gc=False, rename={"line": "number"}):
    """One line of a claim as it was sent: what is read of it where the claim is kept (libs.x12.claim.ClaimLine as JSON)."""

    line: int
    procedure_code: str = ""
    modifiers: tuple[str, ...] = ()
    revenue_code: str = ""
    charge_cents: int = 0
    service_from_on: date | None = None
    line_control_number: str = ""
    units: str = ""
    service_to_on: date | None = None

    @property
    def code(self) -> str:
        return self.procedure_code or self.revenue_code


class Difference(Struct, frozen=True, gc=False, omit_defaults=True):
    """What is not alike. `line` is the remit's line, `claim_line` the claim's, where it is about one."""

    name: str
    line: int | None = None
    claim_line: int | None = None


class LineMatch(Struct, frozen=True, gc=False, omit_defaults=True):
    """One answered line and the claim's line that it is about. `how` they were found to belong together."""

    line: int
    kind: Kind
    claim_line: int | None = None
    how: How | None = None
    differences: tuple[str, ...] = ()


def billed_code(line: ServiceLine) -> str:
    """Return the code that was billed: SVC06 where the payer paid for another, else SVC01, else the revenue code."""
    return line.original_procedure_code or line.procedure_code or line.revenue_code or ""


class _Pairing:
    """The lines of both sides, and which are taken; it exists so that the steps share what they know."""

    def __init__(self, billed: Sequence[BilledLine], answered: Sequence[ServiceLine], sign: int) -> None:
        self.billed, self.answered, self.sign = billed, answered, sign
        self.found: dict[int, tuple[int, How]] = {}  # places: answered -> billed
        self.taken: set[int] = set()

    def take(self, answered: int, billed: int, how: How) -> None:
        self.found[answered] = (billed, how)
        self.taken.add(billed)

    def charge(self, line: ServiceLine) -> int:
        return self.sign * line.charge_cents

    def by_control_number(self) -> None:
        """Several answered lines may carry one number: split, or unbundled. A line sent without a number goes by its LX."""
        places = {each.line_control_number or str(each.line): place for place, each in enumerate(self.billed)}
        for place, each in enumerate(self.answered):
            billed = places.get(each.line_control_number or "")
            if billed is not None:
                self.take(place, billed, "line_control_number")

    def by_key(self, told: Callable[[ServiceLine], Hashable], own: Callable[[BilledLine], Hashable], how: How) -> None:
        """Pair the lines that are left, equal keys in their order."""
        free: dict[Hashable, list[int]] = defaultdict(list)
        for place, billed in enumerate(self.billed):
            if place not in self.taken:
                free[own(billed)].append(place)
        for place, answered in enumerate(self.answered):
            if place not in self.found and (places := free.get(told(answered))):
                self.take(place, places.pop(0), how)

    def by_sum(self) -> None:
        """Give a billed line all the lines of its code that are left, when they add up to it."""
        left: dict[str, list[int]] = defaultdict(list)
        for place, answered in enumerate(self.answered):
            if place not in self.found:
                left[billed_code(answered)].append(place)
        for place, billed in enumerate(self.billed):
            parts = left.get(billed.code, []) if place not in self.taken else []
            if len(parts) > 1 and sum(self.charge(self.answered[each]) for each in parts) == billed.charge_cents:
                for each in left.pop(billed.code):
                    self.take(each, place, "sum")

    def by_place(self) -> None:
        if len(self.billed) == len(self.answered):
            for place in range(len(self.billed)):
                if place not in self.found and place not in self.taken:
                    self.take(place, place, "place")


def match_lines(
    billed: Sequence[BilledLine], answered: Sequence[ServiceLine], sign: int = 1
) -> tuple[tuple[LineMatch, ...], tuple[Difference, ...]]:
    """Pair the lines of a remit with those of a claim, and name what differs; `sign` is -1 for a reversal.

    A claim answered without lines is answered as a whole: then nothing is said of its lines.
    """
    if not answered or not billed:
        return (), ()
    if (alike := _alike(billed, answered, sign)) is not None:
        return alike, ()
    pairing = _Pairing(billed, answered, sign)
    pairing.by_control_number()
    if len(pairing.found) < len(answered):
        pairing.by_key(
            lambda each: (billed_code(each), each.modifiers, each.service_on, pairing.charge(each)),
            lambda each: (each.code, each.modifiers, each.service_from_on, each.charge_cents),
            "procedure_day_charge",
        )
    if len(pairing.found) < len(answered):
        pairing.by_key(
            lambda each: (billed_code(each), pairing.charge(each)), lambda each: (each.code, each.charge_cents), "procedure_charge"
        )
        pairing.by_sum()
        pairing.by_place()
    return _told(pairing)


def _alike(billed: Sequence[BilledLine], answered: Sequence[ServiceLine], sign: int) -> tuple[LineMatch, ...] | None:
    """Return the pairs where line for line is alike, which most claims are: the same pairs as step by step, far cheaper."""
    if len(billed) != len(answered):
        return None
    pairs = []
    for own, told in zip(billed, answered, strict=True):
        number = told.line_control_number
        if (
            own.charge_cents != sign * told.charge_cents
            or (own.procedure_code or own.revenue_code) != told.procedure_code
            or own.modifiers != told.modifiers
            or own.service_from_on != told.service_on
            or told.original_procedure_code
            or (number and number != own.line_control_number)
        ):
            return None
        pairs.append(LineMatch(told.line, "single", own.line, "line_control_number" if number else "procedure_day_charge"))
    return tuple(pairs)


def _told(pairing: _Pairing) -> tuple[tuple[LineMatch, ...], tuple[Difference, ...]]:
    together: dict[int, list[int]] = defaultdict(list)
    for place, (billed, _) in pairing.found.items():
        together[billed].append(place)
    paid_as: dict[str, set[int]] = defaultdict(set)
    for place, (billed, _) in pairing.found.items():
        if pairing.answered[place].original_procedure_code:
            paid_as[pairing.answered[place].procedure_code].add(billed)
    matches, differences = [], []
    for place, answered in enumerate(pairing.answered):
        if place not in pairing.found:
            matches.append(LineMatch(answered.line, "unmatched"))
            differences.append(Difference("line_unknown", answered.line))
            continue
        billed, how = pairing.found[place]
        own, group = pairing.billed[billed], together[billed]
        kind = _kind(pairing, own, group, bundled=_is_bundled(answered, paid_as))
        charged = sum(pairing.charge(pairing.answered[each]) for each in group)
        names = _differences(answered, own, kind, charged) if place == group[0] else ()
        matches.append(LineMatch(answered.line, kind, own.line, how, names))
        differences += [Difference(name, answered.line, own.line) for name in names]
    missing = [each.line for place, each in enumerate(pairing.billed) if place not in pairing.taken]
    return tuple(matches), (*differences, *(Difference("line_missing", None, line) for line in missing))


def _is_bundled(answered: ServiceLine, paid_as: dict[str, set[int]]) -> bool:
    """Several billed lines paid under one code: each that was billed otherwise is bundled into it."""
    return bool(answered.original_procedure_code) and len(paid_as[answered.procedure_code]) > 1


def _kind(pairing: _Pairing, own: BilledLine, group: Sequence[int], *, bundled: bool) -> Kind:
    if len(group) == 1:
        return "bundled" if bundled else "single"
    charges = [pairing.charge(pairing.answered[each]) for each in group]
    whole = charges.count(own.charge_cents) == 1 and charges.count(0) == len(charges) - 1
    return "unbundled" if whole and own.charge_cents else "split"


def _differences(answered: ServiceLine, own: BilledLine, kind: Kind, charged: int) -> tuple[str, ...]:
    names = []
    if charged != own.charge_cents:
        names.append("line_charge")
    if answered.service_on is not None and own.service_from_on is not None and answered.service_on != own.service_from_on:
        names.append("line_day")
    if kind in ("single", "bundled"):
        if billed_code(answered) not in (own.procedure_code, own.revenue_code):
            names.append("procedure_changed")
        if set(own.modifiers) - set(answered.modifiers):
            names.append("modifier_dropped")
        if set(answered.modifiers) - set(own.modifiers):
            names.append("modifier_added")
    return tuple(names)
