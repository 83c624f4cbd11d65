"""Figures from sums: values by group, and the period that one is compared with. Pure."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, Literal

from msgspec import Struct

from services.analytics.facts.measures import DIMENSIONS, MEASURES
from services.analytics.kpis import NOTHING, Groups, ratio
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
    count, amount = groups.get(key, NOTHING)
    return count if side.of == "count" else amount


def earlier(first: date, last: date, by: Literal["previous", "year"]) -> tuple[date, date]:
    """Return the period before, of equal length (whole months before whole months), or the same period a year ago."""
    whole_months = first.day == 1 and (last + timedelta(days=1)).day == 1
    months = (last.year - first.year) * _MONTHS + last.month - first.month + 1
    if by == "year" or whole_months:
        back = _MONTHS if by == "year" else months
        return _months_back(first, back), _months_back(last, back, to_end=whole_months)
    days = (last - first).days + 1
    return first - timedelta(days=days), first - timedelta(days=1)


def _months_back(day: date, months: int, *, to_end: bool = False) -> date:
    year, month = divmod(day.year * _MONTHS + day.month - 1 - months, _MONTHS)
    end = monthrange(year, month + 1)[1]
    return date(year, month + 1, end if to_end else min(day.day, end))
