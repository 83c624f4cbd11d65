"""How a table of odds is made of outcomes. Pure.

All shifts of all levels are found together, so that an outcome is explained once, by the levels whose groups differ most: a
logistic model whose shifts are drawn towards nothing by their level's variance, and that variance found from the shifts themselves
(empirical Bayes) but never below what is usual: groups that did not differ so far may yet. Old outcomes count less: their weight
halves with `half_life_days`.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from services.classifier.odds.outcomes import Outcome, Subject
from services.classifier.odds.table import LEVELS, USUAL_VARIANCES, Cell, Group, Level, Share, Table, base_logit, group_name

_SWEEPS: Final = 30
_USUAL_WEIGHT: Final = 4.0  # groups that the usual variance is worth
_SHARE_WEIGHT: Final = 10.0
_STEP_MOST: Final = 2.0

Floats = NDArray[np.float64]


class _Fitted:
    """The groups of one level while they are fitted. `place`: of each cell the group it is in; the last is of those in none."""

    def __init__(self, name: str, cells: Sequence[Cell]) -> None:
        keys = [group_name(LEVELS[name](cell.subject)) for cell in cells]
        self.names = sorted(set(keys) - {""})
        places = {each: place for place, each in enumerate(self.names)}
        self.place = np.array([places.get(each, len(places)) for each in keys], dtype=np.intp)
        self.usual = USUAL_VARIANCES[name]
        self.variance = self.usual
        self.shift: Floats = np.zeros(len(places) + 1)
        self.information: Floats = np.zeros(len(places) + 1)

    def sums(self, values: Floats) -> Floats:
        found: Floats = np.bincount(self.place, weights=values, minlength=len(self.shift)).astype(np.float64)
        return found

    def step(self, logit: Floats, weight: Floats, won: Floats) -> None:
        """Move each group to where its own outcomes and the pull of its level agree, all others held; `logit` is moved too."""
        share = 1.0 / (1.0 + np.exp(-logit))
        before = self.shift.copy()
        self.information = self.sums(weight * share * (1.0 - share))
        precision = self.information + 1.0 / self.variance
        self.shift += np.clip((self.sums(won - weight * share) - before / self.variance) / precision, -_STEP_MOST, _STEP_MOST)
        self.shift[-1] = 0.0
        logit += (self.shift - before)[self.place]
        own = slice(0, len(self.names))
        spread = float(np.sum(self.shift[own] ** 2 + 1.0 / precision[own]))
        self.variance = max(self.usual, (_USUAL_WEIGHT * self.usual + spread) / (_USUAL_WEIGHT + len(self.names)))

    def level(self, counts: Floats) -> Level:
        seen = self.sums(counts)
        groups = {
            name: Group(int(seen[place]), round(float(self.shift[place]), 6), round(float(self.information[place]), 6))
            for place, name in enumerate(self.names)
        }
        return Level(round(self.variance, 6), groups)


def fit(outcomes: Sequence[Outcome], as_of: date, *, half_life_days: int, version: int = 0) -> Table:
    """Make a table of outcomes decided by a day."""
    cells = _cells(outcomes, as_of, half_life_days)
    counts, weight, won = (_column(cells, name) for name in ("outcomes", "weight", "won_weight"))
    logit = np.array([base_logit(cell.subject) for cell in cells], dtype=np.float64)
    fitted = {name: _Fitted(name, cells) for name in LEVELS}
    for _ in range(_SWEEPS if cells else 0):
        for each in fitted.values():
            each.step(logit, weight, won)
    levels = {name: each.level(counts) for name, each in fitted.items()}
    return Table(version, as_of, len(outcomes), half_life_days, levels, _shares(outcomes), cells)


def _column(cells: Sequence[Cell], name: str) -> Floats:
    return np.array([getattr(cell, name) for cell in cells], dtype=np.float64)


def _cells(outcomes: Iterable[Outcome], as_of: date, half_life_days: int) -> tuple[Cell, ...]:
    sums: dict[Subject, list[Any]] = {}
    for each in sorted(outcomes, key=lambda one: (one.decided_on, one.won)):  # sums of floats depend on their order
        found = sums.setdefault(each.subject, [0, 0, 0.0, 0.0])
        weight = 0.5 ** ((as_of - each.decided_on).days / half_life_days)
        found[0] += 1
        found[1] += each.won
        found[2] += weight
        found[3] += weight * each.won
    in_order = sorted(sums.items(), key=lambda pair: astuple(pair[0]))
    return tuple(
        Cell(subject, count, won, round(weight, 6), round(won_weight, 6)) for subject, (count, won, weight, won_weight) in in_order
    )


def _shares(outcomes: Iterable[Outcome]) -> dict[str, Share]:
    """Return by payer, and for all ("") the part of a disputed and won amount that came, drawn towards the whole of it."""
    sums: dict[str, tuple[int, float]] = {}
    for each in outcomes:
        if each.won and each.disputed_cents > 0:
            share = min(each.recovered_cents / each.disputed_cents, 1.0)
            for name in {each.subject.payer_id, ""}:
                count, total = sums.get(name, (0, 0.0))
                sums[name] = (count + 1, total + share)
    everywhere = _drawn(sums[""], 1.0) if "" in sums else 1.0
    return {
        name: Share(counted[0], round(_drawn(counted, everywhere) if name else everywhere, 4))
        for name, counted in sorted(sums.items())
    }


def _drawn(counted: tuple[int, float], towards: float) -> float:
    count, total = counted
    return (total + _SHARE_WEIGHT * towards) / (count + _SHARE_WEIGHT)
