"""Small cells: what is left out of figures that are shown outside, so that no small count follows from what is shown. Pure.

A cell is how many cases there are of each of some kinds that have nothing in common: denied, resolved, neither. It is small where
such a number, all of them together or all but one kind are from 1 to 10. Figures that are made of the same cases are shown or left
out together: a count that one of them tells would be the missing one of another.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec import Struct

from services.analytics.kpis.definitions import Kpi

SMALL: Final = 11  # the cell size below which CMS shows nothing
NOT_KNOWN: Final = ""  # the key of what belongs to nobody: it has no row, and is in what all come to
Cases = tuple[int, ...]

# What shares out the cases of a measure: parts that have nothing in common. What is left of it is a part too.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "first_adjudicated": ("initially_denied", "resolved_first"),
    "submitted": ("clean",),
    "answered": ("rejected",),
    "preventable_known": ("preventable",),
    "closed": ("overturned",),
    "filed_with_deadline": ("filed_in_time",),
    "catchable": ("caught",),
}
# A claim has many lines: eleven of them may be of one.
_OF_CLAIMS: Final[Mapping[str, str]] = {"first_lines": "first_adjudicated"}


class Withheld(Struct, frozen=True):
    """The keys of the cells that are left out, and whether what all come to is left out too."""

    keys: Collection[str]
    whole: bool


def measures(kpi: Kpi) -> tuple[str, ...]:
    """Return of which measures the cases of a key figure are counted: all, and parts of them. Equal for what is left out alike."""
    side = kpi.denominator or kpi.numerator
    if side is None:
        return ()
    whole = _OF_CLAIMS.get(side.measure, side.measure)
    return (whole, *_PARTS.get(whole, ()))


def cases(counts: Sequence[int]) -> Cases:
    """Return a cell from the counts of its measures, in their order."""
    whole, *parts = counts
    return (*parts, whole - sum(parts))


def withheld(cells: Mapping[str, Cases], small: int = SMALL) -> Withheld:
    """Return what to leave out of the figures of all cells of a table.

    Where a small one is left out, others go with it, the smallest first, until those left out together say nothing of one of them:
    what they come to follows from what all come to and what is shown. If they always do, what all come to is left out. Of equally
    large ones all go: were one chosen by its name, one could tell by that which of those left out is the small one.
    """
    there = {key: each for key, each in cells.items() if any(each)}
    out = {key for key, each in there.items() if _is_small(each, small)}
    if not out:
        return Withheld(frozenset(), whole=False)
    out |= there.keys() & {NOT_KNOWN}
    while _tell_of_one([there[key] for key in out], small):
        sizes = {key: sum(each) for key, each in there.items() if key not in out}
        if not sizes:
            return Withheld(frozenset(out), whole=True)
        least = min(sizes.values())
        out |= {key for key, size in sizes.items() if size == least}
    return Withheld(frozenset(out), whole=False)


def _tell_of_one(cells: Sequence[Cases], small: int) -> bool:
    """Say whether a small cell may follow from what some cells come to: there is but one, or together they are small, or as few or
    as many as so many small ones can be, each of which then has one case, or the most that is small.
    """
    together = tuple(map(sum, zip(*cells, strict=True)))
    return len(cells) == 1 or _is_small(together, small) or sum(together) in (len(cells), len(cells) * (small - 1))


def _is_small(cell: Cases, small: int) -> bool:
    size = sum(cell)
    return any(0 != count < small for count in (size, *cell, *(size - each for each in cell)))
