"""When a scheduled audit is drawn, and of which days. Pure."""

from calendar import MONDAY
from datetime import date, timedelta
from typing import Final, Literal

from msgspec.structs import replace

from services.analytics.audits.plans import Plan

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


def plan_for(plan: Plan, cadence: Cadence, due_on: date) -> Plan:
    """Return the plan of the audit that is due: of the payment days of the period that ended, with a seed of its own."""
    last = due_on - timedelta(days=1)
    return replace(plan, first=begin_of(cadence, last), last=last, seed=f"{plan.seed}:{due_on.isoformat()}")
