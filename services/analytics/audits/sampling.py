"""How a sample is drawn: by numbers that follow from the seed and the denial, so that whoever draws again draws the same. Pure.

Every denial has a number between 0 and 1: a hash of the seed and its id. Pareto sampling (Rosén) makes of it a sample of exactly n,
in which a denial of twice the size has twice the chance; with equal sizes it is a simple random sample. Order of arrival, versions
of libraries and what else is in the population say nothing about a denial's number.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.analytics.audits.plans import Plan, size

STRATA_MAX: Final = 50
_STRATUM_ITEMS_MIN: Final = 5
_RISK_FLOOR: Final = 0.1  # what is judged with full confidence has a tenth of the chance of what is judged with none


class Unit(Struct, frozen=True, gc=False):
    """A denial as it was judged on the evening of the day as of which the sample is drawn."""

    denial_id: UUID
    claim_key: UUID
    payer: str
    facility: str
    provider: str
    service_group: str
    category: str
    action: str
    denied_cents: int
    payment_on: date
    confidence: float | None = None


class Stratum(Struct, frozen=True):
    """A part of the population that is drawn from by itself.

    `spread`, `spread_dollars`: the variance of its share in error, by denials and by dollars, in units of p(1 - p), if errors are
    spread evenly. It is known before anything is reviewed, and holds the large denials that the sample happened to miss.
    """

    name: str
    denials: int
    denied_cents: int
    drawn: int
    spread: float
    spread_dollars: float


class Drawn(Struct, frozen=True, gc=False):
    """One of the sample, and how likely it was to be drawn."""

    unit: Unit
    stratum: str
    probability: float


class Sample(Struct, frozen=True):
    strata: tuple[Stratum, ...]
    items: tuple[Drawn, ...]


class CannotDraw(Exception):  # noqa: N818 - the fact is the name
    """There is no such sample. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def draw(plan: Plan, units: Sequence[Unit]) -> Sample:
    """Draw the plan's sample. Errors: CannotDraw."""
    if plan.method == "dollar_unit":
        units = [unit for unit in units if unit.denied_cents > 0]
    if not units:
        raise CannotDraw("population_empty")
    parts: Mapping[str, Sequence[Unit]] = {"": units}
    if plan.stratify_by is not None:
        parts = _parts(units, plan.stratify_by)
    sizes = {name: [_size(plan, unit) for unit in part] for name, part in parts.items()}
    wanted = size(plan, len(units), max(_design_effect(each) for each in sizes.values()) if plan.method == "risk_weighted" else 1.0)
    strata, items = [], []
    for name, part in sorted(parts.items()):
        count = _share(wanted, len(part), len(units)) if len(parts) > 1 else wanted
        probabilities = inclusion(sizes[name], count)
        chosen = _pareto(plan.seed, part, probabilities, count)
        cents = [max(unit.denied_cents, 0) for unit in part]
        spreads = _spread([1] * len(part), probabilities), _spread(cents, probabilities)
        strata.append(Stratum(name, len(part), sum(cents), len(chosen), *spreads))
        items += [Drawn(part[place], name, probabilities[place]) for place in chosen]
    return Sample(tuple(strata), tuple(items))


def _parts(units: Sequence[Unit], dimension: str) -> Mapping[str, list[Unit]]:
    parts: defaultdict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        parts[getattr(unit, dimension)].append(unit)
    if len(parts) > STRATA_MAX:
        raise CannotDraw("too_many_strata")
    return parts


def _size(plan: Plan, unit: Unit) -> float:
    """Return what a denial's chance is in proportion to."""
    if plan.method == "dollar_unit":
        return float(unit.denied_cents)
    if plan.method == "risk_weighted":
        return max(_RISK_FLOOR, 1 - (unit.confidence or 0.0))
    return 1.0


def _design_effect(sizes: Sequence[float]) -> float:
    """Return by how much unequal chances widen the interval of a rate: they help to find errors, not to count them."""
    return sum(sizes) * sum(1 / each for each in sizes) / len(sizes) ** 2


def _share(wanted: int, part: int, whole: int) -> int:
    """Return how many of a stratum: in proportion, but enough to say something of it."""
    return min(part, max(_STRATUM_ITEMS_MIN, round(wanted * part / whole)))


def _spread(amounts: Sequence[int], probabilities: Sequence[float]) -> float:
    total = sum(amounts)
    if not total:
        return 0.0
    return sum(amount**2 * (1 - each) / each for amount, each in zip(amounts, probabilities, strict=True)) / total**2


def _pareto(seed: str, units: Sequence[Unit], probabilities: Sequence[float], count: int) -> list[int]:
    """Return the places of `count` units, in the order in which they were drawn."""
    ranked = sorted(
        (_rank(number(seed, unit.denial_id), probability), unit.denial_id.int, place)
        for place, (unit, probability) in enumerate(zip(units, probabilities, strict=True))
    )
    return [place for _, _, place in ranked[:count]]


def number(seed: str, denial_id: UUID) -> float:
    """Return a denial's number under a seed, strictly between 0 and 1."""
    told = hashlib.blake2b(denial_id.bytes, digest_size=6, key=hashlib.sha256(seed.encode()).digest()).digest()
    return (int.from_bytes(told, "big") + 0.5) / (1 << 48)


def _rank(drawn: float, probability: float) -> float:
    return 0.0 if probability >= 1 else drawn / (1 - drawn) * (1 - probability) / probability


def inclusion(sizes: Sequence[float], count: int) -> list[float]:
    """Return the chance of each to be among `count`, in proportion to its size; what would have more than all of it is certain."""
    if count >= len(sizes):
        return [1.0] * len(sizes)
    left, total = count, sum(sizes)
    certain = 0
    largest = sorted(sizes, reverse=True)
    while certain < len(largest) and left > 0 and largest[certain] * left >= total:
        total -= largest[certain]
        left -= 1
        certain += 1
    least_certain = largest[certain - 1] if certain else float("inf")
    return [1.0 if each >= least_certain else min(1.0, each * left / total) for each in sizes]
