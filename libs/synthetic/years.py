"""Years of answered claims with planted causes: what a search of root causes is held against.

Only what the search looks at is drawn, so that a year of a hospital takes seconds. Payers, procedures and providers differ by
nature, with the weekday and over the year; beside that, causes are planted: combinations that are refused for one category, some
of them from a day on. Which line is refused because of which plant stands beside it.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Final

from msgspec import Struct

CATEGORIES: Final = (
    ("missing_information", "16", 22), ("authorization", "197", 14), ("eligibility_coverage", "27", 16),
    ("coding_bundling", "97", 13), ("medical_necessity", "50", 9), ("non_covered", "96", 8), ("coordination_of_benefits", "22", 7),
    ("timely_filing", "29", 5), ("duplicate", "18", 6),
)  # fmt: skip
_PAYERS: Final = tuple((f"PAYER{place:02}", weight) for place, weight in enumerate((30, 24, 14, 10, 8, 6, 5, 3)))
_FACILITIES: Final = 6
_PROVIDERS_OF_EACH: Final = 8
_PROCEDURES: Final = tuple(f"{letter}{number:04d}" for letter in "AEGJKLT" for number in range(1001, 1011))
_PROCEDURES_OF_EACH: Final = 18
_MODIFIERS: Final = ((), (), (), (), ("GP",), ("KX",), ("59",), ("59", "KX"), ("RT",))
_PLACES: Final = (("11", 60), ("22", 25), ("02", 10), ("12", 5))
_DIAGNOSES: Final = tuple(f"{letter}{number}" for letter in "EFIJMNR" for number in (10, 21, 32, 43))
_CODERS: Final = tuple(f"CODER{place}" for place in range(9))
_LINES: Final = (45, 30, 15, 10)
_BASE_RATE: Final = 0.055
_SAME: Final = (0.25, 0.12, 0.12)  # how much payers, procedures and providers differ by nature (log)
_WEEKDAY: Final = (1.06, 1.0, 0.97, 0.98, 1.02, 0.95, 0.95)
_WHOLE: Final = frozenset({"eligibility_coverage", "coordination_of_benefits", "timely_filing", "duplicate"})
_CONDITIONS: Final = (
    ("payer",), ("provider",), ("payer", "procedure"), ("payer", "modifier"), ("payer", "provider"), ("provider", "procedure"),
    ("payer", "procedure", "modifier"), ("payer", "facility"), ("facility", "place"), ("payer", "provider", "procedure"),
    ("payer", "place", "procedure"), ("provider", "authorization"), ("payer", "diagnosis"), ("payer", "authorization", "procedure"),
    ("coder",), ("coder", "procedure"), ("payer", "coder"), ("coder", "modifier"),
)  # fmt: skip


class Line(Struct, frozen=True, gc=False):
    procedure: str
    modifiers: tuple[str, ...]
    cents: int
    category: str = ""  # why it is refused; empty: it is not
    carc: str = ""
    planted_by: int | None = None


class Answered(Struct, frozen=True, gc=False):
    """One claim at its first answer."""

    number: int
    day: date
    payer: str
    facility: str
    provider: str
    place: str
    authorization: str
    diagnosis: str
    coder: str
    lines: tuple[Line, ...]


class Planted(Struct, frozen=True):
    """A cause: lines that fit all conditions are refused for the category with this chance, from a day on."""

    number: int
    conditions: tuple[tuple[str, str], ...]
    category: str
    carc: str
    chance: float
    from_on: date


class Year:
    """A year of a hospital; the same seed gives the same one."""

    def __init__(self, seed: int, claims: int, first_on: date, days: int = 365, causes: int = 10) -> None:
        self._draw = Random(f"{seed} year")
        self._claims, self._first_on, self._days = claims, first_on, days
        payer, procedure, provider = _SAME
        facilities = [f"FACILITY{place}" for place in range(_FACILITIES)]
        self._providers = [(f"{each}-DR{place}", each) for each in facilities for place in range(_PROVIDERS_OF_EACH)]
        self._does = {each: self._draw.sample(_PROCEDURES, _PROCEDURES_OF_EACH) for each, _ in self._providers}
        self._by_nature = {name: self._draw.gauss(0, payer) for name, _ in _PAYERS}
        self._by_nature |= {name: self._draw.gauss(0, procedure) for name in _PROCEDURES}
        self._by_nature |= {name: self._draw.gauss(0, provider) for name, _ in self._providers}
        self._mix = {name: [weight * math.exp(self._draw.gauss(0, 0.2)) for _, _, weight in CATEGORIES] for name, _ in _PAYERS}
        self.planted: list[Planted] = [self._plant(number) for number in range(causes)]

    def _plant(self, number: int) -> Planted:
        provider, facility = self._draw.choice(self._providers)
        values = {
            "payer": self._draw.choices([name for name, _ in _PAYERS], [weight for _, weight in _PAYERS])[0],
            "facility": facility,
            "provider": provider,
            "procedure": self._draw.choice(self._does[provider]),
            "modifier": self._draw.choice(("GP", "KX", "59", "RT")),
            "place": self._draw.choice(("22", "02", "12")),
            "authorization": "none",
            "diagnosis": self._draw.choice(_DIAGNOSES),
            "coder": self._draw.choice(_CODERS),
        }
        names = self._draw.choice(_CONDITIONS)
        category, carc, _ = self._draw.choice(CATEGORIES)
        chance = self._draw.uniform(0.15, 0.3) if len(names) == 1 else self._draw.uniform(0.3, 0.9)
        later = self._draw.randrange(self._days // 5, self._days * 3 // 4) if self._draw.random() < 2 / 3 else 0
        order = ("payer", "facility", "provider", "place", "authorization", "diagnosis", "coder", "procedure", "modifier")
        conditions = tuple((name, values[name]) for name in order if name in names)
        return Planted(number, conditions, category, carc, chance, self._first_on + timedelta(days=later))

    def answered(self) -> Iterator[Answered]:
        """Yield the claims in the order of their days."""
        for number in range(self._claims):
            yield self._claim(number, self._first_on + timedelta(days=number * self._days // self._claims))

    def _claim(self, number: int, day: date) -> Answered:
        draw = self._draw
        provider, facility = draw.choice(self._providers)
        procedures = draw.sample(self._does[provider], 1 + draw.choices(range(4), _LINES)[0])
        claim = Answered(
            number=number,
            day=day,
            payer=draw.choices([name for name, _ in _PAYERS], [weight for _, weight in _PAYERS])[0],
            facility=facility,
            provider=provider,
            place=draw.choices([name for name, _ in _PLACES], [weight for _, weight in _PLACES])[0],
            authorization="named" if draw.random() < 0.4 else "none",  # noqa: PLR2004
            diagnosis=draw.choice(_DIAGNOSES),
            coder=draw.choice(_CODERS),
            lines=tuple(Line(each, draw.choice(_MODIFIERS), 3_000 + int(draw.expovariate(1 / 25_000))) for each in procedures),
        )
        return self._judged(claim)

    def _judged(self, claim: Answered) -> Answered:
        draw = self._draw
        nature = self._by_nature[claim.payer] + self._by_nature[claim.provider]
        drift = 1 + 0.1 * math.sin(2 * math.pi * (claim.day - self._first_on).days / self._days)
        lines = list(claim.lines)
        for place, line in enumerate(lines):
            plant = next((each for each in self.planted if fits(each, claim, line) and draw.random() < each.chance), None)
            if plant is not None:
                _refuse(lines, place, plant.category, plant.carc, plant.number)
                break
            rate = _BASE_RATE * math.exp(nature + self._by_nature[line.procedure]) * drift * _WEEKDAY[claim.day.weekday()]
            if draw.random() < rate / math.sqrt(len(lines)):
                category, carc, _ = draw.choices(CATEGORIES, self._mix[claim.payer])[0]
                _refuse(lines, place, category, carc, None)
                break
        return Answered(
            claim.number, claim.day, claim.payer, claim.facility, claim.provider, claim.place, claim.authorization, claim.diagnosis,
            claim.coder, tuple(lines),
        )  # fmt: skip


def _refuse(lines: list[Line], place: int, category: str, carc: str, planted_by: int | None) -> None:
    """Refuse a line, or all of them, where the category is about the whole claim."""
    for other in range(len(lines)) if category in _WHOLE else (place,):
        line = lines[other]
        lines[other] = Line(line.procedure, line.modifiers, line.cents, category, carc, planted_by)


def fits(plant: Planted, claim: Answered, line: Line) -> bool:
    """Say whether a line of a claim is one of a plant's."""
    if claim.day < plant.from_on:
        return False
    return all(
        value in line.modifiers
        if name == "modifier"
        else value == (line.procedure if name == "procedure" else getattr(claim, name))
        for name, value in plant.conditions
    )


def affected(claims: Sequence[Answered]) -> dict[int, int]:
    """Return how many claims are refused because of each plant."""
    found: dict[int, int] = {}
    for claim in claims:
        for number in {line.planted_by for line in claim.lines if line.planted_by is not None}:
            found[number] = found.get(number, 0) + 1
    return found
