"""Lines counted by combinations of dimensions: how many each group has, and how many of them are refused for each category.

There are many more lines than subjects, and lines of one subject differ by their service alone. So what is about subjects alone is
counted by subject, without a look at any line; with a procedure or a modifier lines are counted once by subjects' group and service
(a cell), and cells by the words of their service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analytics.causes.outcomes import SUBJECT_DIMENSIONS
from services.analytics.causes.statistics import Floats
from services.analytics.causes.table import MODIFIER, PROCEDURE, Codes, Flags, Ints, Places, Table

_DENSE: Final = 16_000_000  # keys that are counted in an array of all of them, instead of being sorted
_FEW: Final = 4_096  # so many always are
_SMALL: Final = 2**31 - 1
_MANY_ROWS: Final = 4  # one in so many: then all are looked at

Dims = tuple[str, ...]  # in the order of DIMENSIONS: subjects' first
Keys = NDArray[np.int32] | NDArray[np.int64]


@dataclass
class Counted:
    """The groups of one combination with enough refused lines, by category; `place`, in order: key x categories + category."""

    dims: Dims
    place: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    k: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    n: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    claims_a_line: Floats = field(default_factory=lambda: np.empty(0))  # 1 where a claim has but one line in a group
    groups: int = 0  # that were looked at


@dataclass(frozen=True)
class Part:
    """Some groups of a combination and where they are: the subjects, or, where services matter, the rows."""

    dims: Dims
    keys: Ints  # in order
    subjects: Flags | None
    rows: Places


@dataclass(frozen=True)
class Among:
    """Where narrower groups are looked for: inside of parts. All their subjects, or, where services matter, all their rows."""

    parts: Sequence[Part]
    subjects: Flags | None
    rows: Places


class Counter:
    """Counts a table by any combination of dimensions. A line is in a group of each of its modifiers."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.categories = max(len(table.categories), 1)
        self._codes: dict[str, Codes] = {}  # by subject; -1: not known
        self.values: dict[str, list[str]] = {}
        for place, name in enumerate(SUBJECT_DIMENSIONS):
            self._codes[name], self.values[name] = table.subject_codes(place)
        self._worded = table.words()
        self.values |= {PROCEDURE: self._worded.procedures, MODIFIER: self._worded.modifiers}
        self.sizes = {name: max(len(told), 1) for name, told in self.values.items()}
        self._by_subject, self._by_service = _Sorted(table.subject, table.subjects), _Sorted(table.service, table.services)
        self._weight = np.bincount(table.subject, table.weight, table.subjects)
        self._refused = np.flatnonzero(table.category >= 0).astype(np.int32)
        self._seen = np.zeros(len(table), dtype=bool)
        self._last: tuple[Dims, Keys] | None = None  # cells of all rows, which two combinations in a row ask for

    def size(self, dims: Dims) -> int:
        """Return how many keys a combination can have."""
        found = 1
        for name in dims:
            found *= self.sizes[name]
        return found

    def codes_of(self, dims: Dims, keys: Ints) -> dict[str, Ints]:
        """Return the values behind keys."""
        found = {}
        for name in reversed(dims):
            found[name] = keys % self.sizes[name]
            keys = keys // self.sizes[name]
        return found

    def key_of(self, dims: Dims, codes: Mapping[str, Ints]) -> Ints:
        key = np.zeros(len(codes[dims[0]]), dtype=np.int64)
        for name in dims:
            key = key * self.sizes[name] + codes[name]
        return key

    def counted(self, dims: Dims, affected_min: int, among: Among | None = None) -> Counted:
        """Count the groups of a combination that have at least so many lines, and of them what is refused at least so often."""
        of_subjects, of_services = _parted(dims)
        if of_services:
            keys, n, told, k = self._with_services(of_subjects, of_services, None if among is None else among.rows)
        else:
            keys, n, told, k = self._of_subjects(dims, None if among is None else among.subjects)
        large = n >= affected_min
        if among is not None:
            large &= self._inside(dims, keys, among.parts)
        often = k >= affected_min
        told, k = told[often], k[often]
        group = _places(keys, told // self.categories)
        kept = large[group] if len(keys) else np.zeros(0, dtype=bool)
        told, k, group = told[kept], k[kept], group[kept]
        share = np.ones(len(told))
        if len(told) and not of_services:  # a claim's lines fall together: it counts once
            shared, weight = _tally(self._subject_keys(dims), self.size(dims), self._weight)
            share = weight[_places(shared, told // self.categories)] / n[group]
        return Counted(dims, told, k.astype(np.int64), n[group].astype(np.int64), share, int(large.sum()))

    def _of_subjects(self, dims: Dims, among: Flags | None) -> tuple[Ints, Ints, Ints, Ints]:
        """Return the keys that there are with their lines, and keys with categories with what is refused."""
        table, size = self._table, self.size(dims)
        key, lines, refused = self._subject_keys(dims), self._by_subject.sizes, self._refused
        if among is not None:
            refused = refused[among[table.subject[refused]]]
        of_refused = key[table.subject[refused]]
        if among is not None:
            key, lines = key[among], lines[among]
        keys, n = _tally(key, size, lines)
        known = of_refused >= 0
        told, k = _tally(of_refused[known] * self.categories + table.category[refused[known]], size * self.categories)
        return keys, n.astype(np.int64), told, k.astype(np.int64)

    def _with_services(self, of_subjects: Dims, of_services: Dims, rows: Places | None) -> tuple[Ints, Ints, Ints, Ints]:
        """As `_of_subjects`, with words of services."""
        table, size = self._table, self.size(of_subjects) * self.size(of_services)
        refused = self._refused if rows is None else rows[table.category[rows] >= 0]
        cells, lines = _tally(self._cells(of_subjects, rows), self.size(of_subjects) * table.services)
        at, key = self._spelled(of_services, cells)
        keys, n = _tally(key, size, lines[at])
        of_refused = self._cells(of_subjects, refused).astype(np.int64)
        known = of_refused >= 0
        at, key = self._spelled(of_services, of_refused[known])
        told, k = _tally(key * self.categories + table.category[refused[known]][at], size * self.categories)
        return keys, n.astype(np.int64), told, k.astype(np.int64)

    def _subject_keys(self, dims: Dims) -> Ints:
        """Return the key of each subject; -1 where one of its values is not known."""
        key = np.zeros(self._table.subjects, dtype=np.int64)
        known = np.ones(len(key), dtype=bool)
        for name in dims:
            key = key * self.sizes[name] + self._codes[name]
            known &= self._codes[name] >= 0
        return np.where(known, key, -1)

    def _cells(self, of_subjects: Dims, rows: Places | None) -> Keys:
        """Return the cell of each row (or of some): the key of its subject x services + its service; negative: not known."""
        if rows is None and self._last is not None and self._last[0] == of_subjects:
            return self._last[1]
        table = self._table
        subject, service = (table.subject, table.service) if rows is None else (table.subject[rows], table.service[rows])
        begins: Keys = self._subject_keys(of_subjects) * table.services
        if self.size(of_subjects) * table.services < _SMALL:
            begins = begins.astype(np.int32)
        cells: Keys = begins[subject] + service
        if rows is None:
            self._last = (of_subjects, cells)
        return cells

    def _spelled(self, of_services: Dims, cells: Ints) -> tuple[Ints, Ints]:
        """Return the places of cells once for each of their words, and the keys with these words."""
        begins, codes = self._worded.keys[of_services]
        of_subjects, service = np.divmod(cells, self._table.services)
        sizes = np.diff(begins)[service]
        at = np.repeat(np.arange(len(cells)), sizes)
        word = codes[np.repeat(begins[service] - np.cumsum(sizes) + sizes, sizes) + np.arange(len(at))]
        return at, of_subjects[at] * self.size(of_services) + word

    def part(self, dims: Dims, keys: Ints, among: Among | None) -> Part:
        """Return where some groups of a combination are, which was counted among some rows or subjects."""
        of_subjects, of_services = _parted(dims)
        if not of_services:
            subjects = _is_one_of(self._subject_keys(dims), keys, self.size(dims))
            return Part(dims, keys, subjects, self._by_subject.rows(subjects))
        rows = None if among is None else among.rows
        of_rows = self._cells(of_subjects, rows)
        cells, _ = _tally(of_rows, self.size(of_subjects) * self._table.services)
        at, told = self._spelled(of_services, cells)
        cells = np.unique(cells[at[_is_one_of(told, keys, self.size(dims))]])
        found = np.flatnonzero(_is_one_of(of_rows, cells, self.size(of_subjects) * self._table.services)).astype(np.int32)
        return Part(dims, keys, None, found if rows is None else rows[found])

    def among(self, dims: Dims, parts: Sequence[Part]) -> Among:
        """Return where narrower groups of these dimensions can be."""
        if not _parted(dims)[1]:
            subjects = np.zeros(self._table.subjects, dtype=bool)
            for each in parts:
                subjects |= False if each.subjects is None else each.subjects
            return Among(parts, subjects, np.empty(0, np.int32))
        found = []
        for each in parts:
            fresh = each.rows[~self._seen[each.rows]]
            self._seen[fresh] = True
            found.append(fresh)
        rows: Places = np.concatenate(found)
        self._seen[rows] = False
        return Among(parts, None, rows)

    def _inside(self, dims: Dims, keys: Ints, parts: Sequence[Part]) -> Flags:
        """Say of groups whether one of the parts has them: of others not all rows may be among those that were counted."""
        codes = self.codes_of(dims, keys)
        found = np.zeros(len(keys), dtype=bool)
        for each in parts:
            found |= _is_one_of(self.key_of(each.dims, codes), each.keys, self.size(each.dims))
        return found

    def members(self, codes: Mapping[str, int]) -> Places:
        """Return the rows that have all of some values."""
        subjects, services = np.ones(self._table.subjects, dtype=bool), np.ones(self._table.services, dtype=bool)
        for name, code in codes.items():
            if name in self._codes:
                subjects &= self._codes[name] == code
            else:
                services &= self._worded.having(name, code)
        by_subject, by_service = self._by_subject.lines(subjects), self._by_service.lines(services)
        if by_subject <= by_service:
            rows = self._by_subject.rows(subjects)
            return rows if services.all() else rows[services[self._table.service[rows]]]
        rows = self._by_service.rows(services)
        return rows if subjects.all() else rows[subjects[self._table.subject[rows]]]


class _Sorted:
    """Rows by what they are about."""

    def __init__(self, codes: Places, count: int) -> None:
        self._codes = codes
        self.sizes = np.bincount(codes, minlength=count)
        self._ends = np.cumsum(self.sizes)

    @cached_property
    def _order(self) -> Places:
        few = len(self.sizes) <= np.iinfo(np.int16).max  # these are sorted by radix
        told = np.argsort(self._codes.astype(np.int16), kind="stable") if few else np.argsort(self._codes)
        return told.astype(np.int32)

    def lines(self, flags: Flags) -> int:
        return int(self.sizes[flags].sum())

    def rows(self, flags: Flags) -> Places:
        """Return the rows that are about one of those that are flagged."""
        if self.lines(flags) * _MANY_ROWS > len(self._codes):
            return np.flatnonzero(flags[self._codes]).astype(np.int32)
        sizes = self.sizes[flags]
        skipped = self._ends[flags] - np.cumsum(sizes)
        rows: Places = self._order[np.repeat(skipped, sizes) + np.arange(int(sizes.sum()))]
        return rows


def _parted(dims: Dims) -> tuple[Dims, Dims]:
    """Return what is of subjects, and what is of services."""
    count = sum(name in SUBJECT_DIMENSIONS for name in dims)
    return dims[:count], dims[count:]


def _is_dense(size: int, count: int) -> bool:
    return size <= max(min(_DENSE, 8 * count), _FEW)


def _tally(keys: Keys, size: int, amount: NDArray[Any] | None = None) -> tuple[Ints, NDArray[Any]]:
    """Return the keys that there are, in order, with how often (or the sum of an amount); negative ones are none."""
    if len(keys) and int(keys.min()) < 0:
        known = keys >= 0
        keys, amount = keys[known], None if amount is None else amount[known]
    if _is_dense(size, len(keys)):
        sums = np.bincount(keys, amount, size)
        there = np.flatnonzero(sums)
        return there, sums[there]
    if amount is None:
        there, sums = np.unique(keys, return_counts=True)
        return there.astype(np.int64), sums
    there, place = np.unique(keys, return_inverse=True)
    return there.astype(np.int64), np.bincount(place, amount, len(there))


def _places(keys: Ints, told: Keys) -> Ints:
    """Return the place of each among keys in order, where it is there."""
    return np.minimum(np.searchsorted(keys, told), max(len(keys) - 1, 0))


def _is_one_of(told: Keys, keys: Ints, size: int) -> Flags:
    """Say of each whether it is one of some keys in order; of a negative one: no."""
    if _is_dense(size, len(told)):
        there = np.zeros(size + 1, dtype=bool)
        there[keys] = True
        return there[np.maximum(told, -1)]  # -1 is the last, which is never there
    if not len(keys):
        return np.zeros(len(told), dtype=bool)
    found: Flags = keys[_places(keys, told)] == told
    return found
