"""Lines counted by combinations of dimensions: how many each group has, and how many of them are refused for each category."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from services.analytics.causes.outcomes import SUBJECT_DIMENSIONS
from services.analytics.causes.statistics import Floats
from services.analytics.causes.table import Ints, Places, Table

_DENSE: Final = 8_000_000  # keys that are counted in an array of all of them, instead of being sorted
_OF_LINES: Final = frozenset({"procedure", "modifier"})

Dims = tuple[str, ...]


@dataclass
class View:
    """Cells to count over. With modifiers a cell stands once for each of them: `base` says which cell an entry is."""

    codes: dict[str, Places]
    values: dict[str, list[str]]
    count: Ints
    weight: Floats
    base: Places
    refused_at: Places  # entry, category and number of what is refused
    refused_category: Places
    refused_count: Ints


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
    """Counts a table by any combination of dimensions."""

    def __init__(self, table: Table) -> None:
        self.categories = max(len(table.categories), 1)
        codes, values = {}, {}
        for place, name in enumerate(SUBJECT_DIMENSIONS):
            codes[name], values[name] = table.subject_codes(place)
        codes["procedure"], values["procedure"] = table.procedure_codes()
        category = table.category_rows()
        refused = np.flatnonzero(category >= 0)
        told, count = np.unique(table.cell[refused].astype(np.int64) * self.categories + category[refused], return_counts=True)
        at, of = (told // self.categories).astype(np.int32), (told % self.categories).astype(np.int32)
        cells = np.arange(len(table.count), dtype=np.int32)
        self.plain = View(codes, values, table.count, table.weight, cells, at, of, count.astype(np.int64))
        self.by_modifier = self._with_modifiers(table)
        self.values = {**values, "modifier": self.by_modifier.values["modifier"]}
        self.sizes = {name: max(len(told), 1) for name, told in self.values.items()}

    def _with_modifiers(self, table: Table) -> View:
        cells, modifier, modifiers = table.modifier_codes()
        plain = self.plain
        codes = {name: told[cells] for name, told in plain.codes.items()} | {"modifier": modifier}
        # What is refused in a cell is refused in each of its entries.
        starts = np.searchsorted(plain.refused_at, cells, "left")
        sizes = np.searchsorted(plain.refused_at, cells, "right") - starts
        at = np.repeat(np.arange(len(cells), dtype=np.int32), sizes)
        within = np.arange(len(at)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        of = np.repeat(starts, sizes) + within
        values = {**plain.values, "modifier": modifiers}
        count, weight = table.count[cells], table.weight[cells]
        return View(codes, values, count, weight, cells, at, plain.refused_category[of], plain.refused_count[of])

    def view(self, dims: Dims) -> View:
        return self.by_modifier if "modifier" in dims else self.plain

    def keys(self, dims: Dims, among: Places | None = None) -> Ints:
        """Return the key of each entry (or of some): its values as one number; -1 where one of them is not known."""
        view = self.view(dims)
        key = np.zeros(len(view.base) if among is None else len(among), dtype=np.int64)
        unknown = np.zeros(len(key), dtype=bool)
        for name in dims:
            codes = view.codes[name] if among is None else view.codes[name][among]
            key = key * self.sizes[name] + codes
            unknown |= codes < 0
        key[unknown] = -1
        return key

    def codes_of(self, dims: Dims, keys: Ints) -> dict[str, Ints]:
        """Return the values behind keys."""
        found = {}
        for name in reversed(dims):
            found[name] = keys % self.sizes[name]
            keys = keys // self.sizes[name]
        return found

    def key_of(self, dims: Dims, codes: dict[str, Ints]) -> Ints:
        key = np.zeros(len(codes[dims[0]]), dtype=np.int64)
        for name in dims:
            key = key * self.sizes[name] + codes[name]
        return key

    def counted(self, dims: Dims, affected_min: int, among: Places | None = None) -> Counted:
        """Count the groups of a combination that have at least so many lines, and of them what is refused at least so often."""
        view, key = self.view(dims), self.keys(dims, among)
        known = np.flatnonzero(key >= 0)
        if not len(known):
            return Counted(dims)
        entries = known if among is None else among[known]
        keys, group = self._grouped(dims, key[known])
        n = np.bincount(group, view.count[entries], len(keys))
        large = n >= affected_min
        renumbered = np.where(large, np.cumsum(large) - 1, -1)
        keys, n = keys[large], n[large]
        if not len(keys):
            return Counted(dims)
        group = renumbered[group]
        of_entry = np.full(len(view.base), -1, dtype=np.int64)
        of_entry[entries] = group
        at = of_entry[view.refused_at]
        inside = np.flatnonzero(at >= 0)
        k = np.bincount(
            at[inside] * self.categories + view.refused_category[inside], view.refused_count[inside], len(keys) * self.categories
        )
        often = np.flatnonzero(k >= affected_min)
        of = often // self.categories
        share = np.ones(len(often))
        if not _OF_LINES & set(dims):  # a claim's lines fall together: it counts once
            kept = group >= 0
            share = (np.bincount(group[kept], view.weight[entries[kept]], len(keys)) / n)[of]
        return Counted(
            dims,
            keys[of] * self.categories + often % self.categories,
            k[often].astype(np.int64),
            n[of].astype(np.int64),
            share,
            len(keys),
        )

    def _grouped(self, dims: Dims, key: Ints) -> tuple[Ints, Ints]:
        """Return the keys that there are, in order, and which of them each entry has."""
        size = 1
        for name in dims:
            size *= self.sizes[name]
        if size > max(_DENSE, 4 * len(key)):
            keys, group = np.unique(key, return_inverse=True)
            return keys, group.astype(np.int64)
        there = np.zeros(size, dtype=bool)
        there[key] = True
        keys = np.flatnonzero(there)
        place = np.zeros(size, dtype=np.int64)
        place[keys] = np.arange(len(keys))
        return keys, place[key]

    def members(self, dims: Dims, keys: Sequence[int]) -> dict[int, Places]:
        """Return the cells of some groups of a combination."""
        key = self.keys(dims)
        wanted = np.unique(np.array(keys, dtype=np.int64))
        place = np.searchsorted(wanted, key)
        place[place == len(wanted)] = 0
        entries = np.flatnonzero(wanted[place] == key)
        entries = entries[np.argsort(key[entries], kind="stable")]
        bounds = [*np.searchsorted(key[entries], wanted, "left").tolist(), len(entries)]
        base = self.view(dims).base
        return {each: base[entries[begin:end]] for each, begin, end in zip(wanted.tolist(), bounds, bounds[1:], strict=False)}
