"""Lines counted by combinations of dimensions: how many each group has, and how many of them are refused for each category."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.analytics.causes.outcomes import SUBJECT_DIMENSIONS
from services.analytics.causes.statistics import Floats
from services.analytics.causes.table import Codes, Flags, Ints, Places, Table

_DENSE: Final = 16_000_000  # keys that are counted in an array of all of them, instead of being sorted
_SMALL: Final = 2**31 - 1
_OF_LINES: Final = frozenset({"procedure", "modifier"})
MODIFIER: Final = "modifier"

Dims = tuple[str, ...]
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


class Counter:
    """Counts a table by any combination of dimensions. With modifiers, a row is an entry for each of its modifiers."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.categories = max(len(table.categories), 1)
        self.codes: dict[str, Codes] = {}
        self.values: dict[str, list[str]] = {}
        for place, name in enumerate(SUBJECT_DIMENSIONS):
            self.codes[name], self.values[name] = table.subject_codes(place)
        self.codes["procedure"], self.values["procedure"] = table.procedure_codes()
        self.rows, self.modifier, self.values[MODIFIER] = table.modifier_codes()
        self.sizes = {name: max(len(told), 1) for name, told in self.values.items()}
        known = {name: bool(len(told)) and int(told.min()) >= 0 for name, told in self.codes.items()}
        self._known = frozenset({name for name, whole in known.items() if whole} | {MODIFIER})
        self._refused = np.flatnonzero(table.category >= 0).astype(np.int32)
        self._refused_entries = np.flatnonzero(table.category[self.rows] >= 0).astype(np.int32)

    def keys(self, dims: Dims, among: Places | None = None) -> Keys:
        """Return the key of each entry (or of some): its values as one number; -1 where one of them is not known."""
        size = 1
        for name in dims:
            size *= self.sizes[name]
        of = among if MODIFIER not in dims else (self.rows if among is None else self.rows[among])
        key: Keys | None = None
        unknown: Flags | None = None
        for name in dims:
            if name == MODIFIER:
                codes = self.modifier if among is None else self.modifier[among]
            else:
                codes = self.codes[name] if of is None else self.codes[name][of]
            if key is None:
                key = codes.astype(np.int32) if size < _SMALL else codes.astype(np.int64)
            else:
                key *= self.sizes[name]
                key += codes
            if name not in self._known:
                unknown = codes < 0 if unknown is None else unknown | (codes < 0)
        if key is None:
            raise ValueError("a combination has a dimension")
        if unknown is not None:
            key[unknown] = -1
        return key

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

    def counted(self, dims: Dims, affected_min: int, among: Places | None = None) -> Counted:
        """Count the groups of a combination that have at least so many lines, and of them what is refused at least so often."""
        key = self.keys(dims, among)
        keys, n = self._sizes_of(dims, key)
        large = n >= affected_min
        groups = int(large.sum())
        at = self._refused_among(dims, among)
        entries = at if among is None else among[at]
        rows = self.rows[entries] if MODIFIER in dims else entries
        refused = key[at]
        place = np.searchsorted(keys, refused) if keys is not None else refused
        kept = np.flatnonzero((refused >= 0) & large[place])
        told = refused[kept].astype(np.int64) * self.categories + self._table.category[rows[kept]]
        told, k = np.unique(told, return_counts=True)
        often = k >= affected_min
        told, k = told[often], k[often]
        of = told // self.categories
        group = of if keys is None else np.searchsorted(keys, of)
        share = np.ones(len(told))
        if len(told) and not _OF_LINES & set(dims):  # a claim's lines fall together: it counts once
            share = self._share(key, keys, among, group, n)
        return Counted(dims, told, k.astype(np.int64), n[group].astype(np.int64), share, groups)

    def _refused_among(self, dims: Dims, among: Places | None) -> Places:
        """Return the places, among the entries that are counted, of those that are refused."""
        if among is None:
            return self._refused_entries if MODIFIER in dims else self._refused
        rows = self.rows[among] if MODIFIER in dims else among
        return np.flatnonzero(self._table.category[rows] >= 0).astype(np.int32)

    def _sizes_of(self, dims: Dims, key: Keys) -> tuple[Ints | None, Ints]:
        """Return how many lines each key has. Where keys are few: by key, and None; else the keys that there are, beside them."""
        size = 1
        for name in dims:
            size *= self.sizes[name]
        known = key if set(dims) <= self._known else key[key >= 0]
        if size <= max(min(_DENSE, 8 * len(key)), 4096):
            return None, np.bincount(known, minlength=size)
        keys, n = np.unique(known, return_counts=True)
        if not len(keys):
            return np.zeros(1, np.int64), np.zeros(1, np.int64)
        return keys.astype(np.int64), n

    def _share(self, key: Keys, keys: Ints | None, among: Places | None, group: Ints, n: Ints) -> Floats:
        weight = self._table.weight if among is None else self._table.weight[among]
        known = key >= 0
        if not known.all():
            key, weight = key[known], weight[known]
        place = key if keys is None else np.searchsorted(keys, key)
        found: Floats = np.bincount(place, weight, len(n))[group] / n[group]
        return found

    def entries_of(self, dims: Dims, keys: Ints, among: Places | None) -> Places:
        """Return the entries that are in some groups of a combination, out of those that it was counted among."""
        key = self.keys(dims, among)
        size = 1
        for name in dims:
            size *= self.sizes[name]
        if size <= _DENSE:
            there = np.zeros(size + 1, dtype=bool)  # the last stands for -1
            there[keys] = True
            at = np.flatnonzero(there[key])
        else:
            at = np.flatnonzero(np.isin(key, keys))
        found: Places = (at if among is None else among[at]).astype(np.int32)
        return found

    def with_modifiers(self, rows: Places) -> Places:
        """Return the entries of rows, one for each of their modifiers."""
        begins, ends = self._entry_bounds
        sizes = ends[rows] - begins[rows]
        before = np.cumsum(sizes) - sizes
        entries: Places = (np.repeat(begins[rows], sizes) + np.arange(int(sizes.sum())) - np.repeat(before, sizes)).astype(np.int32)
        return entries

    @cached_property
    def _entry_bounds(self) -> tuple[Places, Places]:
        sizes = np.bincount(self.rows, minlength=len(self._table))
        ends = np.cumsum(sizes)
        return (ends - sizes).astype(np.int32), ends.astype(np.int32)

    @cached_property
    def _by_value(self) -> dict[str, tuple[Places, Ints]]:
        """For each dimension: the entries in the order of its values, and where each value begins."""
        found = {}
        for name, codes in {**self.codes, MODIFIER: self.modifier}.items():
            order = np.argsort(codes, kind="stable").astype(np.int32)
            found[name] = (order, np.searchsorted(codes[order], np.arange(self.sizes[name] + 1)))
        return found

    def members(self, codes: Mapping[str, int]) -> Places:
        """Return the rows that have all of some values."""
        parts = {}
        for name, code in codes.items():
            order, bounds = self._by_value[name]
            parts[name] = order[bounds[code] : bounds[code + 1]]
        rarest = min(parts, key=lambda name: len(parts[name]))
        rows: Places = parts[rarest] if rarest != MODIFIER else self.rows[parts[rarest]]
        for name, code in codes.items():
            if name not in (rarest, MODIFIER):
                rows = rows[self.codes[name][rows] == code]
        if MODIFIER in codes and rarest != MODIFIER:
            entries = self.with_modifiers(rows)
            rows = self.rows[entries[self.modifier[entries] == codes[MODIFIER]]]
        return rows
