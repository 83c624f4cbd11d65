"""When what is scheduled is due, an audit or a report, and of which days it is. Pure."""

from calendar import MONDAY
from datetime import date, timedelta
from typing import Final, Literal

Cadence = Literal["weekly", "monthly", "quarterly"]
_MONTHS: Final = 12
_QUARTER: Final = 3


def begin_of(cadence: Cadence, day: date) -> date:
    """Return the first day of the week (Monday), month or quarter that holds a day."""
    if cadence == "weekly":
        return day - timedelta(days=day.weekday() - MONDAY)
    month = day.month if cadence == "monthly" else (day.month - 1) // _QUARTER * _QUARTER + 1
    return date(day.year, month, 1)


def after(cadence: Cadence, first: date) -> date:
    """Return the first day of the period after the one that begins on a day."""
    if cadence == "weekly":
        return first + timedelta(days=7)
    year, month = divmod(first.year * _MONTHS + first.month - 1 + (1 if cadence == "monthly" else _QUARTER), _MONTHS)
    return date(year, month + 1, 1)


def first_due(cadence: Cadence, today: date) -> date:
    """Return the day on which what is scheduled today is first due: the day after the period that holds it."""
    return after(cadence, begin_of(cadence, today))


def ended(cadence: Cadence, due_on: date) -> tuple[date, date]:
    """Return the first and the last day of the period that ended before a day on which something is due."""
    last = due_on - timedelta(days=1)
    return begin_of(cadence, last), last
