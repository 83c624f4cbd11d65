"""The table of odds, and how a denial is looked up in it. Pure; how one is made is in fitting.py.

Six levels, from everything contested alike down to one payer and one code. Each group of a level moves the odds (on the scale of
logits) from where the levels before it and published rates put them. A group that has few outcomes, or none, moves them little or
not at all, and leaves them as wide as its level's groups differ. No arrays: a table is read by every process.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

from services.classifier.odds.outcomes import Subject
from services.classifier.odds.published import base_rate

ENOUGH: Final = 20  # outcomes; of fewer the share that was won is off by a tenth and more as often as not
Basis = Literal["payer_carc", "payer_category", "payer", "carc", "category", "level", "published", "model"]
_SPEAKS_OF_IT: Final = frozenset({"payer_carc", "payer_category", "carc"})
_FINEST_FIRST: Final[tuple[Basis, ...]] = ("payer_carc", "payer_category", "carc", "payer", "category", "level")
_NINETY_PERCENT: Final = 1.645
_LEAST, _MOST = 0.005, 0.995  # nothing is certain

Key = Callable[[Subject], tuple[str, ...] | None]
LEVELS: Final[Mapping[str, Key]] = {
    "level": lambda one: (one.level,),
    "category": lambda one: (one.level, one.category),
    "carc": lambda one: (one.level, one.category, one.carc) if one.carc else None,
    "payer": lambda one: (one.payer_id, one.level) if one.payer_id else None,
    "payer_category": lambda one: (one.payer_id, one.level, one.category) if one.payer_id else None,
    "payer_carc": lambda one: (one.payer_id, one.level, one.category, one.carc) if one.payer_id and one.carc else None,
}
# How much the groups of a level differ, as the variance of their logits, before any is seen: payers, categories and levels much,
# codes of a category and their pairs with a payer less.
USUAL_VARIANCES: Final = {"level": 0.25, "category": 0.25, "carc": 0.1, "payer": 0.25, "payer_category": 0.1, "payer_carc": 0.06}
# Outcomes that two groups of a denial share are all those of a third.
_SHARED: Final = {
    ("category", "payer"): "payer_category",
    ("carc", "payer"): "payer_carc",
    ("carc", "payer_category"): "payer_carc",
}


class Group(Struct, frozen=True, gc=False):
    """Outcomes alike at one level: how many, how far they move the odds, and how exactly they tell (inverse variance)."""

    outcomes: int
    shift: float
    information: float


class Level(Struct, frozen=True, gc=False):
    """`variance`: how much its groups differ."""

    variance: float
    groups: dict[str, Group]


class Share(Struct, frozen=True, gc=False):
    """Of what was disputed and won, the part that came: an allowed amount is less than a charge."""

    won: int
    share: float


class Cell(Struct, frozen=True, gc=False):
    """All outcomes that are alike in everything the table looks at."""

    subject: Subject
    outcomes: int
    won: int
    weight: float
    won_weight: float


class Table(Struct, frozen=True, eq=False):
    """One version; 0 is the one without outcomes. Compared by identity, which is cheap to remember."""

    version: int
    made_on: date | None
    outcomes: int
    half_life_days: int
    levels: dict[str, Level]
    shares: dict[str, Share]
    cells: tuple[Cell, ...] = ()


NO_OUTCOMES: Final = Table(0, None, 0, 1, {}, {})


class Odds(Struct, frozen=True, gc=False):
    """P(overturned) with its 90 % interval. `outcomes`: how many the basis rests on; not `enough`: too few to say."""

    probability: float
    low: float
    high: float
    outcomes: int
    basis: Basis
    enough: bool


def odds_of(table: Table, subject: Subject) -> Odds:
    """Look a denial up."""
    found = _found(table, subject)
    return _around(found.logit, found)


def logit_of(table: Table, subject: Subject) -> float:
    """Return the logit of a denial's odds."""
    return _found(table, subject).logit


def moved_odds(table: Table, subject: Subject, logit: float) -> Odds:
    """Return odds that a model moved to a logit: as wide as the table's."""
    found = _around(logit, _found(table, subject))
    return Odds(found.probability, found.low, found.high, found.outcomes, "model", found.enough)


class _Found(Struct, frozen=True, gc=False):
    logit: float
    spread: float
    seen: dict[str, int]


@lru_cache(maxsize=16_384)
def _found(table: Table, subject: Subject) -> _Found:
    groups: dict[str, Group] = {}
    for name, key in LEVELS.items():
        level = table.levels.get(name)
        group = level.groups.get(group_name(key(subject))) if level is not None else None
        if group is not None:
            groups[name] = group
    return _Found(
        logit=base_logit(subject) + sum(group.shift for group in groups.values()),
        spread=_NINETY_PERCENT * math.sqrt(_variance(table, groups)),
        seen={name: group.outcomes for name, group in groups.items()},
    )


def _around(logit: float, found: _Found) -> Odds:
    spread, seen = found.spread, found.seen
    basis: Basis = next((name for name in _FINEST_FIRST if seen.get(name, 0) >= ENOUGH), "published")
    return Odds(
        probability=round(_bounded(_share(logit)), 4),
        low=round(_bounded(_share(logit - spread)), 4),
        high=round(_bounded(_share(logit + spread)), 4),
        outcomes=seen.get(basis, seen.get("level", 0)),
        basis=basis,
        enough=basis in _SPEAKS_OF_IT,
    )


def recoverable_cents(table: Table, payer_id: str, denied_cents: int) -> int:
    """Return what a win usually brings of what is refused; all of it as long as nobody has won."""
    found = table.shares.get(payer_id) or table.shares.get("")
    return denied_cents if found is None else round(denied_cents * found.share)


def _variance(table: Table, found: Mapping[str, Group]) -> float:
    """Return how unsure the sum of a denial's six shifts is: they are known together better than each alone."""
    names = list(LEVELS)
    information = {name: found[name].information if name in found else 0.0 for name in names}
    precision = [[0.0] * len(names) for _ in names]
    for row, one in enumerate(names):
        level = table.levels.get(one)
        for column, other in enumerate(names):
            shared = _SHARED.get((one, other)) or _SHARED.get((other, one)) or names[max(row, column)]
            precision[row][column] = information[shared]
        precision[row][row] += 1.0 / (level.variance if level is not None else USUAL_VARIANCES[one])
    return sum(_solved(precision, [1.0] * len(names)))


def _solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Solve a small positive definite system."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for place, pivot in enumerate(rows):
        for below in rows[place + 1 :]:
            factor = below[place] / pivot[place]
            below[place:] = [one - factor * other for one, other in zip(below[place:], pivot[place:], strict=True)]
    solved: list[float] = []
    for place in reversed(range(len(rows))):
        known = sum(rows[place][place + 1 + ahead] * value for ahead, value in enumerate(solved))
        solved.insert(0, (rows[place][-1] - known) / rows[place][place])
    return solved


def base_logit(subject: Subject) -> float:
    """Return where the odds of a denial begin."""
    rate = base_rate(subject.payer_kind, subject.claim_type, subject.category).overturned
    return math.log(rate / (1.0 - rate))


def group_name(key: tuple[str, ...] | None) -> str:
    return "\x1f".join(key) if key is not None else ""


def _bounded(share: float) -> float:
    return min(max(share, _LEAST), _MOST)


def _share(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
