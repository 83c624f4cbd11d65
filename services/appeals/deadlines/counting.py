"""Days counted as the rules of payers count them. Pure; dates in, dates out.

The day that a period is counted from is not counted, its last day is. A day has no hours here: `today` says which day it is where
the payer is, so that neither midnight UTC nor daylight saving moves a deadline.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

import holidays

Unit = Literal["days", "business_days", "months", "years"]

_SATURDAY: Final = 5
_MONTHS_A_YEAR: Final = 12
_ONE_DAY: Final = timedelta(days=1)


@lru_cache(maxsize=256)
def _federal_holidays(year: int) -> frozenset[date]:
    """Return the days of a year on which federal offices are closed, observed ones included: New Year's Day may be in December."""
    return frozenset(holidays.country_holidays("US", years=year))


def is_workday(day: date) -> bool:
    """Say whether a day is neither a Saturday, nor a Sunday, nor a federal holiday."""
    return day.weekday() < _SATURDAY and day not in _federal_holidays(day.year)


def next_workday(day: date) -> date:
    """Return the day itself, or the first workday after it."""
    while not is_workday(day):
        day += _ONE_DAY
    return day


def after(start: date, window: int, unit: Unit) -> date:
    """Return the last day of a period that begins the day after `start`.

    Months: the same day of a later month; where that month has no such day, the first of the month after it (45 CFR 147.136(d)(2)).
    Years: the same day some years on; a 29 February ends on the 28th, as Medicare counts its calendar year.
    """
    if unit == "days":
        return start + timedelta(days=window)
    if unit == "business_days":
        return _business_days(start, window)
    if unit == "months":
        return _months(start, window)
    last = monthrange(start.year + window, start.month)[1]
    return start.replace(year=start.year + window, day=min(start.day, last))


def _business_days(start: date, window: int) -> date:
    day = start
    while window:
        day += _ONE_DAY
        window -= is_workday(day)
    return day


def _months(start: date, window: int) -> date:
    year, month = divmod(start.year * _MONTHS_A_YEAR + start.month - 1 + window, _MONTHS_A_YEAR)
    if start.day <= monthrange(year, month + 1)[1]:
        return date(year, month + 1, start.day)
    year, month = divmod(year * _MONTHS_A_YEAR + month + 1, _MONTHS_A_YEAR)
    return date(year, month + 1, 1)


def today(now: datetime, zone: str) -> date:
    """Return which day it is in a time zone."""
    return now.astimezone(ZoneInfo(zone)).date()


def begins(day: date, zone: str) -> datetime:
    """Return the moment, in UTC, at which a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
