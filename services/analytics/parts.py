"""Which sums answer a question with the fewest rows: parts of its days, each of one grain, added or taken away. Pure.

Sums are signed, so what is left of a month is the month less its other days, and what was known on an evening is what is known less
what became known later.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, NamedTuple

from services.analytics.facts.measures import PLACES, Grain

_COARSE: Final = frozenset({"payer", "category", "level", "code"})
# So many days have to be spared for months to be read, which have rows of their own; of some cells alone, what costs is to search
# for each of them, in every part anew, and not their days.
_SPARED_DAYS: Final = 14
_SPARED_DAYS_OF_CELLS: Final = 120
_DAY: Final = timedelta(days=1)


class Part(NamedTuple):
    """Some of the days, and the sums that tell of them; None: open. `sign`: -1 takes them away.

    Of what was known on `known_by` at the latest, or later than `known_after`; None: of all.
    """

    grain: int
    first: date | None
    last: date | None
    sign: int = 1
    known_by: date | None = None
    known_after: date | None = None


def place_of(dimensions: Iterable[str]) -> int:
    """Return the place of the one dimension that sums are kept by; 0: there is none."""
    return next((PLACES[each] for each in dimensions), 0)


def of_days(
    dimensions: frozenset[str],
    first: date | None,
    last: date | None,
    as_of: date | None,
    *,
    by_day: bool = False,
    filtered: bool = False,
) -> list[Part]:
    """Return the parts of a period. `dimensions`: what it is grouped by and, where `filtered`, what some of it is filtered through;
    `by_day`: days stay apart.
    """
    several = Grain.COARSE if dimensions <= _COARSE else Grain.DAY
    grain = several if len(dimensions) > 1 else Grain.NARROW + place_of(dimensions)
    spared_min = _SPARED_DAYS_OF_CELLS if filtered and grain == Grain.DAY else _SPARED_DAYS
    until = as_of if as_of is not None and (last is None or as_of < last) else last
    months = [] if by_day else _months(grain, first, until, spared_min)
    if not months:
        return [Part(grain, first, last, known_by=as_of)]
    if as_of is None:
        return months
    later = [Part(grain, first, until, sign=-1, known_after=as_of)]
    rest = [] if until is None or until in (last, date.max) else [Part(grain, until + _DAY, last, known_by=as_of)]
    return [*months, *later, *rest]


def _months(grain: int, first: date | None, last: date | None, spared_min: int) -> list[Part]:
    """Return whole months with what is missing or too much at both ends; none, where that spares too little."""
    begin, before = _begin(grain, first)
    end, after = _end(grain, last)
    if begin >= end:
        return []
    edges = [*before, *after]
    spared = _length(first, last) - sum(_length(each.first, each.last) for each in edges)
    if spared < spared_min:
        return []
    return [Part(_month_of(grain), None if first is None else begin, None if last is None else end - _DAY), *edges]


def _length(first: date | None, last: date | None) -> int:
    return ((last or date.max) - (first or date.min)).days + 1


def _month_of(grain: int) -> int:
    if grain >= Grain.NARROW:
        return grain - Grain.NARROW + Grain.NARROW_MONTH
    return Grain.MONTH if grain == Grain.DAY else Grain.COARSE_MONTH


def _begin(grain: int, first: date | None) -> tuple[date, list[Part]]:
    """Return the first of the months, and the days that they have too many or that come before them."""
    if first is None or first.day == 1:
        return first or date.min, []
    begun, next_ = first.replace(day=1), _month_after(first)
    if first - begun < next_ - first:
        return begun, [Part(grain, begun, first - _DAY, sign=-1)]
    return next_, [Part(grain, first, next_ - _DAY)]


def _end(grain: int, last: date | None) -> tuple[date, list[Part]]:
    """Return the first day after the months, and the days that they have too many or that come after them."""
    if last is None:
        return date.max, []
    begun, next_ = last.replace(day=1), _month_after(last)
    if next_ == date.max:  # there is no month after it
        return begun, [Part(grain, begun, last)]
    missing = (next_ - last).days - 1
    if not missing:
        return next_, []
    if missing < last.day:
        return next_, [Part(grain, last + _DAY, next_ - _DAY, sign=-1)]
    return begun, [Part(grain, begun, last)]


def _month_after(day: date) -> date:
    """Return the first of the month after a day's own; after the last month of all, the last day of all."""
    if (day.year, day.month) == (date.max.year, date.max.month):
        return date.max
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def of_state(dimensions: frozenset[str], evening: date) -> list[Part]:
    """Return the parts of a state on an evening: what changed by then, whole months and the days of the last one."""
    place = place_of(dimensions) if len(dimensions) <= 1 else Grain.ALL
    tomorrow = evening + _DAY if evening < date.max else evening
    after = tomorrow.replace(day=1)  # the first day that is in no whole month
    months = [Part(Grain.BALANCE_MONTH + place, None, after - _DAY)] if after > date.min else []
    return months + ([Part(Grain.BALANCE + place, after, evening)] if after <= evening else [])
