"""How often was denied before what a claim brings: by payer, and by payer with procedure, provider and so on. Pure.

A rate is of a key, and as of a day: of outcomes that were answered before it, and of nothing else. Older ones count less: half
after HALF_LIFE_DAYS, so that a payer who changes its mind shows soon. Where a key was seen seldom its rate leans on that of its
payer, and the payer's on all: n outcomes against WEIGHT of the broader one.

Keys of lines count denied lines, the others denied claims.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from services.classifier.risk.columns import UNKNOWN, Columns

Numbers = NDArray[Any]

HALF_LIFE_DAYS: Final = 120
WEIGHT: Final = 20.0
_KEPT_FROM: Final = 0.05  # outcomes, after aging: below that a key says nothing
_PART: Final = np.int64(1 << 20)  # more codes than any book has
# Each kind of key: which column the entries stand in beside, and the columns that make the key.
KINDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "payer": ("claim", ("payer",)),
    "payer_lines": ("line", ("payer",)),
    "way": ("claim", ("payer", "claim_type", "secondary")),
    "provider": ("claim", ("payer", "provider")),
    "place": ("claim", ("payer", "place")),
    "procedure": ("line", ("payer", "procedure")),
    "authorization": ("line", ("payer", "procedure", "authorization")),
    "need": ("line", ("procedure", "main_diagnosis")),
    "modifier": ("modifier", ("payer", "modifier")),
    "diagnosis": ("diagnosis", ("payer", "diagnosis")),
    "rule": ("rule", ("rule",)),
}
LINE_KINDS: Final = frozenset({"payer_lines", "procedure", "authorization", "need", "modifier"})


class Table(Struct, frozen=True, array_like=True):
    """The outcomes of one kind of key as of one day: sorted keys, and of each how many there were and were denied, aged."""

    keys: list[int]
    seen: list[float]
    denied: list[float]


class Counts(Struct, frozen=True):
    """Outcomes behind each entry of a kind."""

    seen: Numbers
    denied: Numbers

    def rate(self, parent: Numbers, weight: float = WEIGHT) -> Numbers:
        return (self.denied + weight * parent) / (self.seen + weight)


class Outcomes(Struct, frozen=True):
    """What came of the claims in some columns: the day of the answer, whether the claim was denied, and which lines were."""

    answered: Numbers
    denied: Numbers
    line_denied: Numbers


def places(columns: Columns, kind: str) -> Numbers:
    """Return the place of the claim that each entry of a kind belongs to."""
    beside = KINDS[kind][0]
    if beside == "claim":
        return np.arange(len(columns))
    if beside == "modifier":
        return columns.line_of[columns.modifier_of]
    found: Numbers = getattr(columns, f"{beside}_of")
    return found


def keys(columns: Columns, kind: str) -> Numbers:
    """Return the key of each entry of a kind; UNKNOWN where a part of it is not known."""
    beside, parts = KINDS[kind]
    of_claim = places(columns, kind)
    key = np.zeros(len(of_claim), dtype=np.int64)
    unknown = np.zeros(len(of_claim), dtype=bool)
    for part in parts:
        own = part == beside or (part == "procedure" and beside == "line")
        values = getattr(columns, part) if own else getattr(columns, part)[of_claim]
        unknown |= values == UNKNOWN
        key = key * _PART + values
    key[unknown] = UNKNOWN
    return key


def denials(columns: Columns, outcomes: Outcomes, kind: str) -> Numbers:
    """Return for each entry of a kind whether it was denied."""
    if kind not in LINE_KINDS:
        return outcomes.denied[places(columns, kind)]
    return outcomes.line_denied[columns.modifier_of] if kind == "modifier" else outcomes.line_denied


class Aged:
    """The outcomes of one kind in the order of key and day, so that those before any day are a difference of two sums."""

    def __init__(self, columns: Columns, outcomes: Outcomes, kind: str) -> None:
        key, answered = keys(columns, kind), outcomes.answered[places(columns, kind)]
        denied = denials(columns, outcomes, kind)
        known = key != UNKNOWN
        key, answered, denied = key[known], answered[known], denied[known]
        order = np.lexsort((answered, key))
        self._keys, self._answered = key[order], answered[order]
        self._first = int(answered.min()) if len(answered) else 0
        weights = np.exp2((self._answered - self._first) / HALF_LIFE_DAYS)
        self._seen = np.r_[0.0, np.cumsum(weights)]
        self._denied = np.r_[0.0, np.cumsum(weights * denied[order])]

    def before(self, key: Numbers, day: Numbers) -> Counts:
        """Return what of each key was answered before its day."""
        begin = np.searchsorted(self._keys, key)
        end = self._end(key, day, begin)
        age = np.exp2(-(np.maximum(day, self._first) - self._first) / HALF_LIFE_DAYS)
        return Counts((self._seen[end] - self._seen[begin]) * age, (self._denied[end] - self._denied[begin]) * age)

    def _end(self, key: Numbers, day: Numbers, begin: Numbers) -> Numbers:
        """Return the place after the last outcome of each key before its day."""
        if not len(self._keys):
            return begin
        span = int(self._answered.max()) - self._first + 2
        unique, starts = np.unique(self._keys, return_index=True)
        rank = np.repeat(np.arange(len(unique)), np.diff(np.r_[starts, len(self._keys)]))
        place = np.searchsorted(unique, key)
        here = (place < len(unique)) & (unique[np.minimum(place, len(unique) - 1)] == key)
        wanted = place * span + np.clip(day - self._first, 0, span - 1)
        found = np.searchsorted(rank * span + (self._answered - self._first), wanted)
        return np.where(here, found, begin)

    def table(self, day: int) -> Table:
        """Return all keys as of the start of a day."""
        unique = np.unique(self._keys)
        counts = self.before(unique, np.full(len(unique), day))
        kept = counts.seen >= _KEPT_FROM
        return Table(unique[kept].tolist(), np.round(counts.seen[kept], 3).tolist(), np.round(counts.denied[kept], 3).tolist())


class Tables:
    """Tables of all kinds, ready to be asked."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = {
            kind: (np.array(each.keys, dtype=np.int64), np.array(each.seen), np.array(each.denied)) for kind, each in tables.items()
        }

    def counts(self, columns: Columns, kind: str) -> Counts:
        known, seen, denied = self._tables[kind]
        key = keys(columns, kind)
        if not len(known):
            return Counts(np.zeros(len(key)), np.zeros(len(key)))
        place = np.minimum(np.searchsorted(known, key), len(known) - 1)
        here = known[place] == key
        return Counts(np.where(here, seen[place], 0.0), np.where(here, denied[place], 0.0))
