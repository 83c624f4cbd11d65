"""The search of root causes: groups of lines that are refused, for one category, more often than the rest explains.

1. Every combination of one or two dimensions is counted; of three and four, those inside a combination that stands out already.
2. A group must stand out against the rest of all lines, and against the rest of each group that is wider by one condition, in an
   exact test (Fisher) whose false discoveries are held down (Benjamini-Hochberg, over all groups that were looked at), by an effect
   that matters. A condition that adds nothing falls here.
3. Of what is left the best explained group is taken, what it explains is taken away from all others, and again: a group that
   explains its wider one hides it, and the wider one its parts. Other services of its refused claims are explained with it.

The score is the likelihood ratio of two rates, the group's and that of all the rest, against one, less what the conditions cost
(the log of how many values each could have had): of two descriptions of the same lines the shorter one wins.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from msgspec import Struct

from services.analytics.causes.groups import Counted, Counter, Dims
from services.analytics.causes.outcomes import DIMENSIONS
from services.analytics.causes.statistics import Floats, evidence, exact_p, false_discoveries, interval
from services.analytics.causes.table import Ints, Places, Table

_WIDE: Final = 2  # combinations of so many dimensions are all counted
_PROMISING_Z: Final = 2.5
_SURVIVORS_MAX: Final = 4_000
_STEADY: Final = 20  # lines at the rate of all the rest that steady the rate of a wider group's small rest


class Limits(Struct, frozen=True):
    """What a finding must reach. `affected_min` lines refused; the rate's lower bound so far above what is expected."""

    affected_min: int = 10
    difference_min: float = 0.02
    ratio_min: float = 1.5
    q_max: float = 0.05
    conditions_max: int = 4
    findings_max: int = 50


@dataclass(frozen=True)
class Cause:
    """One finding. k of n lines are refused for the category; of the rest k_rest of n_rest. `cells` are its cells in the table."""

    conditions: tuple[tuple[str, str], ...]
    category: str
    k: int
    n: int
    k_rest: int
    n_rest: int
    expected: float
    p: float
    q: float
    score: float
    cells: Places


@dataclass(frozen=True)
class _Group:
    dims: Dims
    key: int
    category: int
    k: int
    n: int
    share: float
    expected: float
    p: float
    q: float


def search(table: Table, limits: Limits) -> list[Cause]:
    """Return the causes in a table, the best explained first."""
    if not len(table) or not table.categories:
        return []
    counter = Counter(table)
    counted = _count(counter, table, limits)
    groups = _standing_out(counter, table, counted, limits)
    return list(_Cover(counter, table, limits, groups).causes())


class _Whole:
    """How many lines there are, and how many are refused for each category."""

    def __init__(self, table: Table) -> None:
        category = table.category_rows()
        self.n = len(table)
        self.k = np.bincount(category[category >= 0], minlength=len(table.categories)).astype(np.float64)
        self.share = table.claims / self.n


def _count(counter: Counter, table: Table, limits: Limits) -> dict[Dims, Counted]:
    """Count combinations, wider ones first; the narrow ones among what stands out."""
    names = [name for name in DIMENSIONS if len(counter.values[name]) > 1 or name in {"procedure", "modifier"}]
    whole = _Whole(table)
    counted: dict[Dims, Counted] = {}
    promising: dict[Dims, Ints] = {}
    for depth in range(1, min(limits.conditions_max, len(names)) + 1):
        for dims in combinations(names, depth):
            among = None if depth <= _WIDE else _inside(counter, dims, promising)
            if among is not None and not len(among):
                continue
            counted[dims] = counter.counted(dims, limits.affected_min, among)
            if depth >= _WIDE:
                promising[dims] = _promising(counter, counted, dims, whole)
    return counted


def _inside(counter: Counter, dims: Dims, promising: Mapping[Dims, Ints]) -> Places:
    """Return the entries that are in a promising group which is wider by one condition."""
    inside = np.zeros(len(counter.view(dims).base), dtype=bool)
    for wider in combinations(dims, len(dims) - 1):
        keys = promising.get(wider)
        if keys is None or not len(keys):
            continue
        found = np.isin(counter.keys(wider), keys)
        if "modifier" in dims and "modifier" not in wider:
            found = found[counter.by_modifier.base]
        inside |= found
    return np.flatnonzero(inside).astype(np.int32)


def _promising(counter: Counter, counted: Mapping[Dims, Counted], dims: Dims, whole: _Whole) -> Ints:
    """Return the keys of groups whose rate is well above that of every wider group: worth a closer look."""
    told = counted[dims]
    if not len(told.place):
        return told.place
    expected = whole.k[told.place % counter.categories] / whole.n
    for wider in combinations(dims, len(dims) - 1):
        k, n = _wider(counter, counted, told, wider)
        expected = np.maximum(expected, np.where(n > 0, k / np.maximum(n, 1), 0))
    expected = np.clip(expected, 1e-9, 1 - 1e-9)
    z = (told.k - told.n * expected) / np.sqrt(told.n * expected * (1 - expected)) * np.sqrt(told.claims_a_line)
    return np.unique(told.place[z >= _PROMISING_Z] // counter.categories)


def _wider(counter: Counter, counted: Mapping[Dims, Counted], told: Counted, wider: Dims) -> tuple[Floats, Floats]:
    """Return k and n of the group that is wider by one condition; 0 where it was not counted."""
    other = counted.get(wider)
    k, n = np.zeros(len(told.place)), np.zeros(len(told.place))
    if other is None or not len(other.place):
        return k, n
    codes = counter.codes_of(told.dims, told.place // counter.categories)
    place = counter.key_of(wider, codes) * counter.categories + told.place % counter.categories
    at = np.minimum(np.searchsorted(other.place, place), len(other.place) - 1)
    found = other.place[at] == place
    k[found], n[found] = other.k[at[found]], other.n[at[found]]
    return k, n


def _standing_out(counter: Counter, table: Table, counted: Mapping[Dims, Counted], limits: Limits) -> list[_Group]:
    """Return the groups that stand out by test and by effect, the best explained first."""
    whole = _Whole(table)
    tested = sum(each.groups for each in counted.values()) * counter.categories
    found: list[tuple[Counted, Floats, Floats]] = []
    for told in counted.values():
        if len(told.place):
            expected, p = _tested(counter, counted, told, whole, limits)
            kept = np.flatnonzero(p <= limits.q_max)
            if len(kept):
                cut = Counted(told.dims, told.place[kept], told.k[kept], told.n[kept], told.claims_a_line[kept])
                found.append((cut, expected[kept], p[kept]))
    if not found:
        return []
    q = false_discoveries(np.concatenate([p for _, _, p in found]), max(tested, 1))
    groups: list[_Group] = []
    begun = 0
    for told, expected, p in found:
        for place in np.flatnonzero(q[begun : begun + len(p)] <= limits.q_max).tolist():
            key, category = divmod(int(told.place[place]), counter.categories)
            groups.append(
                _Group(
                    told.dims, key, category, int(told.k[place]), int(told.n[place]), float(told.claims_a_line[place]),
                    float(expected[place]), float(p[place]), float(q[begun + place]),
                )
            )  # fmt: skip
        begun += len(p)
    k_all = whole.k.tolist()
    groups.sort(key=lambda each: -each.share * float(evidence(each.k, each.n, k_all[each.category] - each.k, whole.n - each.n)))
    return groups[:_SURVIVORS_MAX]


def _tested(
    counter: Counter, counted: Mapping[Dims, Counted], told: Counted, whole: _Whole, limits: Limits
) -> tuple[Floats, Floats]:
    """Return what each group should have, by the most demanding comparison, and its p there; 1 where the effect is too small."""
    k_all = whole.k[told.place % counter.categories]
    rest = (k_all - told.k) / np.maximum(whole.n - told.n, 1)
    comparisons = [(k_all - told.k, whole.n - told.n.astype(np.float64))]
    same = np.zeros(len(told.place), dtype=bool)
    for wider in combinations(told.dims, len(told.dims) - 1) if len(told.dims) > 1 else ():
        k, n = _wider(counter, counted, told, wider)
        same |= (n > 0) & (n <= told.n)  # the condition that is left out says nothing
        comparisons.append((np.maximum(k - told.k, 0), np.where(n > 0, n - told.n, 0)))
    expected = np.zeros(len(told.place))
    for k_rest, n_rest in comparisons:
        expected = np.maximum(expected, (k_rest + _STEADY * rest) / (n_rest + _STEADY))
    share = told.claims_a_line
    lower, _ = interval(told.k * share, told.n * share)
    candidates = np.flatnonzero(
        ~same & (lower - expected >= limits.difference_min) & (told.k >= limits.ratio_min * expected * told.n)
    )
    p = np.ones(len(told.place))
    p[candidates] = 0
    for k_rest, n_rest in comparisons:
        among = candidates[n_rest[candidates] > 0]
        by = share[among]
        p[among] = np.maximum(p[among], exact_p(told.k[among] * by, told.n[among] * by, k_rest[among] * by, n_rest[among] * by))
    return expected, p


class _Cover:
    """Takes causes one after the other, each with what it explains."""

    def __init__(self, counter: Counter, table: Table, limits: Limits, groups: list[_Group]) -> None:
        self._counter, self._table, self._limits = counter, table, limits
        self._whole = _Whole(table)
        self._rows = np.argsort(table.cell, kind="stable")
        self._starts = np.concatenate(([0], np.cumsum(table.count)))
        self._category = table.category_rows()
        self._n: dict[int, Floats] = {}  # by category: what is not explained yet, by cell
        self._k: dict[int, Floats] = {}
        self._n_all: dict[int, float] = {}
        self._k_all: dict[int, float] = {}
        self._groups = groups
        self._cells: list[Places] = self._members()

    def _members(self) -> list[Places]:
        by_dims: dict[Dims, list[int]] = {}
        for each in self._groups:
            by_dims.setdefault(each.dims, []).append(each.key)
        members = {dims: self._counter.members(dims, keys) for dims, keys in by_dims.items()}
        return [members[each.dims][each.key] for each in self._groups]

    def causes(self) -> Iterator[Cause]:
        queue = [(-self._score(place), place) for place in range(len(self._groups))]
        heapq.heapify(queue)
        found = 0
        while queue and found < self._limits.findings_max:
            _, place = heapq.heappop(queue)
            score = self._score(place)  # what was taken since may explain some of it
            if queue and score < -queue[0][0]:
                if score > 0:
                    heapq.heappush(queue, (-score, place))
                continue
            if score > 0:
                found += 1
                yield self._take(place, score)

    def _left(self, category: int) -> tuple[Floats, Floats]:
        if category not in self._n:
            self._n[category] = self._table.count.astype(np.float64)
            plain = self._counter.plain
            of = plain.refused_category == category
            self._k[category] = np.bincount(plain.refused_at[of], plain.refused_count[of], len(self._table.count)).astype(
                np.float64
            )
            self._k_all[category], self._n_all[category] = float(self._k[category].sum()), float(self._whole.n)
        return self._k[category], self._n[category]

    def _score(self, place: int) -> float:
        """Return how well a group explains what is left; 0 where it does not any more."""
        group, cells = self._groups[place], self._cells[place]
        k_left, n_left = self._left(group.category)
        k, n = float(k_left[cells].sum()), float(n_left[cells].sum())
        if k < self._limits.affected_min or n <= 0:
            return 0.0
        lower, _ = interval(k * group.share, n * group.share)
        if lower - group.expected < self._limits.difference_min or k < self._limits.ratio_min * group.expected * n:
            return 0.0
        cost = sum(np.log(self._counter.sizes[name] + 1) for name in group.dims)
        k_rest, n_rest = self._k_all[group.category] - k, self._n_all[group.category] - n
        return float(max(evidence(k, n, k_rest, n_rest) * group.share - cost, 0.0))

    def _take(self, place: int, score: float) -> Cause:
        group, cells = self._groups[place], self._cells[place]
        self._explain(group.category, cells)
        codes = self._counter.codes_of(group.dims, np.array([group.key]))
        return Cause(
            conditions=tuple((name, self._counter.values[name][int(codes[name][0])]) for name in group.dims),
            category=self._table.categories[group.category],
            k=group.k,
            n=group.n,
            k_rest=int(self._whole.k[group.category]) - group.k,
            n_rest=self._whole.n - group.n,
            expected=group.expected,
            p=group.p,
            q=group.q,
            score=score,
            cells=cells,
        )

    def _explain(self, category: int, cells: Places) -> None:
        """Take a group's lines away, and the other lines of its refused claims that are refused for the same category."""
        k, n = self._left(category)
        table = self._table
        k[cells], n[cells] = 0, 0
        inside = np.zeros(len(table.count), dtype=bool)
        inside[cells] = True
        refused = np.flatnonzero(self._category == category)
        is_inside = inside[table.cell[refused]]
        claims = np.zeros(table.claims, dtype=bool)
        claims[table.claim[refused[is_inside]]] = True
        beside = table.cell[refused[~is_inside & claims[table.claim[refused]]]]
        np.subtract.at(k, beside, 1)
        np.subtract.at(n, beside, 1)
        self._k_all[category], self._n_all[category] = float(k.sum()), float(n.sum())


def rows_of(table: Table, cells: Places) -> Ints:
    """Return the rows of some cells."""
    inside = np.zeros(len(table.count), dtype=bool)
    inside[cells] = True
    return np.flatnonzero(inside[table.cell])
