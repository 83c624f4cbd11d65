"""Years of a payer's answers, day by day and category by category, with a shift or without: for charts, not for reading claims.

What makes days differ is in them: volumes by weekday, shares by weekday, days without volume (weekends, holidays, payers that
pay on one day a week), and good and bad days beyond chance.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Final

from msgspec import Struct

_DAYS: Final = 365
_HOLIDAYS: Final = 0.03
# A payer's categories, by their share of its refusals.
MIX: Final[dict[str, float]] = {
    "missing_information": 0.26,
    "authorization": 0.18,
    "eligibility_coverage": 0.14,
    "coding_bundling": 0.13,
    "medical_necessity": 0.09,
    "non_covered": 0.07,
    "duplicate": 0.05,
    "coordination_of_benefits": 0.04,
    "timely_filing": 0.03,
    "benefit_limit": 0.01,
}


class PayerDay(Struct, frozen=True, gc=False):
    """What a payer answered on a day. `denied`: by category, those that it refused. `known_after`: days until it is known."""

    on: date
    claims: int
    denied: dict[str, int]
    known_after: int


class Habit(Struct, frozen=True):
    """How a payer answers: claims on a usual day, the share refused, and how days differ.

    `unrest`: of a day's share, its standard deviation by the share itself, beyond chance. `pays_on`: weekdays (Monday is 0).
    """

    claims: float
    rate: float
    unrest: float = 0.15
    pays_on: tuple[int, ...] = (0, 1, 2, 3, 4)
    weekday_swing: float = 0.2
    late: float = 0.1  # of the days, known up to two weeks later


class Shifted(Struct, frozen=True):
    """From a day on, the share of a category (empty: of all) is so many times what it was, up to a day."""

    from_on: date
    times: float = 2.0
    category: str = ""
    to_on: date = date.max


def payer_days(seed: str, habit: Habit, first_on: date, days: int = _DAYS, shifted: Shifted | None = None) -> Iterator[PayerDay]:
    """Yield the days with volume. The same arguments give the same days."""
    draw = Random(f"{seed} payer days")
    swings = [1 + habit.weekday_swing * draw.uniform(-1, 1) for _ in range(7)]
    volumes = [1 + 0.3 * draw.uniform(-1, 1) for _ in range(7)]
    for number in range(days):
        on = first_on + timedelta(days=number)
        if on.weekday() not in habit.pays_on or draw.random() < _HOLIDAYS:
            continue
        claims = _count(draw, habit.claims * volumes[on.weekday()])
        known_after = draw.randint(1, 14) if draw.random() < habit.late else 0
        if claims:
            yield PayerDay(on, claims, _denied(draw, claims, on, habit.rate * swings[on.weekday()], habit, shifted), known_after)


def _denied(draw: Random, claims: int, on: date, rate: float, habit: Habit, shifted: Shifted | None) -> dict[str, int]:
    found: dict[str, int] = {}
    moved = shifted is not None and shifted.from_on <= on <= shifted.to_on
    left = claims
    for category, share in MIX.items():
        chance = rate * share * max(0.0, draw.gauss(1, habit.unrest))
        if moved and shifted is not None and shifted.category in ("", category):
            chance *= shifted.times
        count = min(sum(draw.random() < chance for _ in range(claims)), left)
        left -= count
        if count:
            found[category] = count
    return found


def _count(draw: Random, mean: float) -> int:
    """Draw how many claims come where so many are usual: as Poisson does, by the normal curve where it is as good."""
    return max(0, round(draw.gauss(mean, mean**0.5)))
