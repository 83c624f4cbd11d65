"""Figures from sums: values by group, and the period that one is compared with. Pure."""

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, Literal

from msgspec import Struct

from services.analytics.facts.measures import DIMENSIONS, MEASURES
from services.analytics.kpis import NOTHING, Groups, Sums, ratio
from services.analytics.kpis.definitions import Kpi, Side

AGES: Final = (("0-30", 0, 30), ("31-60", 31, 60), ("61-90", 61, 90), ("91-120", 91, 120), ("over 120", 121, None))
AGED_DAYS: Final = 91
OLDEST_DAYS: Final = AGES[-1][1]
CHARGE_DAYS: Final = 90

_MONTHS: Final = 12


class Figure(Struct, frozen=True):
    """A value with what it is made of; None: there is nothing to divide by."""

    keys: tuple[str, ...]
    value: float | None
    numerator: int
    denominator: int | None


def figures(kpi: Kpi, group_by: Sequence[str], above: Groups, below: Groups | None, factor: int = 1) -> list[Figure]:
    """Join both sides by group; of a side that does not tell a dimension apart, every group is measured against all of it.

    Without groups there is one figure, of everything, also where there is nothing.
    """
    if kpi.numerator is None:
        return []
    shared = [place for place, name in enumerate(group_by) if kpi.denominator is None or tells_apart(kpi.denominator, name)]
    keys = set(above) if group_by else {()}
    if below is not None and len(shared) == len(group_by):
        keys |= set(below)
    return [
        figure(
            key,
            factor * _part(above, key, kpi.numerator),
            None
            if below is None or kpi.denominator is None
            else _part(below, tuple(key[place] for place in shared), kpi.denominator),
        )
        for key in sorted(keys)
    ]


def of_group(kpi: Kpi, keys: tuple[str, ...], above: Sums, below: Sums) -> Figure:
    """Return the figure of one group from the sums of its sides."""
    over, under = kpi.numerator, kpi.denominator
    if over is None:
        raise AssertionError("a key figure without a numerator has no groups")
    return figure(keys, _of(above, over), None if under is None else _of(below, under))


def _of(sums: Sums, side: Side) -> int:
    return sums[0] if side.of == "count" else sums[1]


def figure(keys: tuple[str, ...], numerator: int, denominator: int | None) -> Figure:
    """Divide, exactly rounded to six places; a sum stays a whole number."""
    if denominator is None:
        return Figure(keys, numerator, numerator, None)
    if denominator == 0:
        return Figure(keys, None, numerator, 0)
    return Figure(keys, ratio(numerator, denominator), numerator, denominator)


def tells_apart(side: Side, name: str) -> bool:
    """Say whether a side's sums can be grouped or filtered by a dimension; all can by the calendar."""
    return name not in DIMENSIONS or name in MEASURES[side.measure][1]


def _part(groups: Groups, key: tuple[str, ...], side: Side) -> int:
    return _of(groups.get(key, NOTHING), side)


def earlier(first: date, last: date, by: Literal["previous", "year"]) -> tuple[date, date]:
    """Return the period before, of equal length (whole months before whole months), or the same period a year ago."""
    whole_months = first.day == 1 and (last + timedelta(days=1)).day == 1
    months = (last.year - first.year) * _MONTHS + last.month - first.month + 1
    if by == "year" or whole_months:
        back = _MONTHS if by == "year" else months
        return _months_back(first, back), _months_back(last, back, to_end=whole_months)
    days = (last - first).days + 1
    return first - timedelta(days=days), first - timedelta(days=1)


def whole_months(first: date | None, last: date | None) -> list[date]:
    """Return the first days of a period's months; none, where it is open or not of whole months."""
    if first is None or last is None or first.day != 1 or last == date.max or (last + timedelta(days=1)).day != 1:
        return []
    count = (last.year - first.year) * _MONTHS + last.month - first.month + 1
    return [_months_back(first, -number) for number in range(count)]


_BEGIN: Final[Mapping[str, Callable[[date], date]]] = {
    "month": lambda month: month,
    "quarter": lambda month: month.replace(month=month.month - (month.month - 1) % 3),
    "year": lambda month: month.replace(month=1),
}


def months_within(months: Sequence[date], named: Mapping[str, str]) -> list[date]:
    """Return the months that lie in a group's own; none, where groups are finer than months."""
    if not {"day", "week"}.isdisjoint(named):
        return []
    return [
        month for month in months if all(_BEGIN[word](month).isoformat() == told for word, told in named.items() if word in _BEGIN)
    ]


def _months_back(day: date, months: int, *, to_end: bool = False) -> date:
    year, month = divmod(day.year * _MONTHS + day.month - 1 - months, _MONTHS)
    end = monthrange(year, month + 1)[1]
    return date(year, month + 1, end if to_end else min(day.day, end))
