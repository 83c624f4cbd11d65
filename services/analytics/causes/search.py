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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from msgspec import Struct

from services.analytics.causes.groups import Counted, Counter, Dims, Part
from services.analytics.causes.outcomes import DIMENSIONS
from services.analytics.causes.statistics import Floats, evidence, exact_p, false_discoveries, interval
from services.analytics.causes.table import Flags, Ints, Places, Table

_WIDE: Final = 2  # combinations of so many dimensions are all counted
_PROMISING_Z: Final = 2.5
_SURVIVORS_MAX: Final = 4_000
_STEADY: Final = 20  # lines at the rate of all the rest that steady the rate of a wider group's small rest


class Limits(Struct, frozen=True):
    """What a finding must reach. `affected_min` lines refused; the rate's lower bound so far above what is expected.

    `categories`: tell of these alone; none: of all. Tests are corrected for all groups that were looked at, either way.
    """

    affected_min: int = 10
    difference_min: float = 0.02
    ratio_min: float = 1.5
    q_max: float = 0.05
    conditions_max: int = 4
    findings_max: int = 200
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cause:
    """One finding. k of n lines are refused for the category; of the rest k_rest of n_rest. `rows` are its rows in the table."""

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
    claims_a_line: float
    rows: Places


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
    counter, whole = Counter(table), _Whole(table)
    counted = _count(counter, whole, limits)
    wanted = [not limits.categories or name in limits.categories for name in table.categories]
    groups = _standing_out(counter, whole, counted, limits, wanted)
    return list(_Cover(counter, table, limits, groups).causes())


class _Whole:
    """How many lines there are, and how many are refused for each category."""

    def __init__(self, table: Table) -> None:
        self.n = len(table)
        self.k = np.bincount(table.category[table.category >= 0], minlength=len(table.categories)).astype(np.float64)


def _count(counter: Counter, whole: _Whole, limits: Limits) -> dict[Dims, Counted]:
    """Count combinations, wider ones first; the narrow ones inside of what stands out."""
    names = [name for name in DIMENSIONS if len(counter.values[name]) > 1]
    counted: dict[Dims, Counted] = {}
    promising: dict[Dims, Part] = {}
    for depth in range(1, min(limits.conditions_max, len(names)) + 1):
        for dims in combinations(names, depth):
            among = None
            if depth > _WIDE:
                parts = [promising[wider] for wider in combinations(dims, depth - 1) if wider in promising]
                if not parts:
                    continue
                among = counter.among(dims, parts)
            counted[dims] = counter.counted(dims, limits.affected_min, among)
            if _WIDE <= depth < limits.conditions_max:
                keys = _promising(counter, counted, dims, whole)
                if len(keys):
                    promising[dims] = counter.part(dims, keys, among)
    return counted


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


def _standing_out(
    counter: Counter, whole: _Whole, counted: Mapping[Dims, Counted], limits: Limits, wanted: Sequence[bool]
) -> list[_Group]:
    """Return the groups of the categories that are wanted which stand out by test and by effect, the best explained first."""
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
            if not wanted[category]:
                continue
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
        self._counter, self._table, self._limits, self._groups = counter, table, limits, groups
        self._whole = _Whole(table)
        self._left: dict[int, Flags] = {}  # by category: the rows that are not explained yet
        self._k = {category: float(k) for category, k in enumerate(self._whole.k)}
        self._n = dict.fromkeys(self._k, float(self._whole.n))

    def causes(self) -> Iterator[Cause]:
        queue = [(-self._score(place), place) for place in range(len(self._groups))]
        heapq.heapify(queue)
        found = 0
        while queue and found < self._limits.findings_max:
            _, place = heapq.heappop(queue)
            score = self._score(place)  # what was taken since may explain some of it
            if score <= 0:
                continue
            if queue and score < -queue[0][0]:
                heapq.heappush(queue, (-score, place))
                continue
            found += 1
            yield self._take(place, score)

    def _rows(self, group: _Group) -> Places:
        codes = self._counter.codes_of(group.dims, np.array([group.key]))
        return self._counter.members({name: int(told[0]) for name, told in codes.items()})

    def _counts(self, group: _Group) -> tuple[float, float]:
        """Return k and n of what is not explained yet of a group."""
        left = self._left.get(group.category)
        if left is None:
            return float(group.k), float(group.n)
        rows = self._rows(group)
        rows = rows[left[rows]]
        return float((self._table.category[rows] == group.category).sum()), float(len(rows))

    def _score(self, place: int) -> float:
        """Return how well a group explains what is left; 0 where it does not any more."""
        group = self._groups[place]
        k, n = self._counts(group)
        if k < self._limits.affected_min:
            return 0.0
        lower, _ = interval(k * group.share, n * group.share)
        if lower - group.expected < self._limits.difference_min or k < self._limits.ratio_min * group.expected * n:
            return 0.0
        cost = sum(np.log(self._counter.sizes[name] + 1) for name in group.dims)
        told = evidence(k, n, self._k[group.category] - k, self._n[group.category] - n)
        return float(max(told * group.share - cost, 0.0))

    def _take(self, place: int, score: float) -> Cause:
        group = self._groups[place]
        rows = np.sort(self._rows(group))
        self._explain(group.category, rows)
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
            claims_a_line=group.share,
            rows=rows,
        )

    def _explain(self, category: int, rows: Places) -> None:
        """Take a group's lines away, and the other lines of its refused claims that are refused for the same category."""
        left = self._left.setdefault(category, np.ones(len(self._table), dtype=bool))
        left[self._table.beside(category, rows)] = False
        left[rows] = False
        self._k[category] = float(left[self._table.refused(category)].sum())
        self._n[category] = float(left.sum())
