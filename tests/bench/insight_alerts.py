"""Alerts, held against what was planted: how often they speak without a shift, and how soon with one.

A part of `python -m tests.bench insight`. Years are drawn for payers of several habits (libs/synthetic/payer_days.py), each with
ten categories. `false_alarms_a_payer_year` counts what charts of all refusals and of every category signal in a year without a
shift, before alerts of one shift are made one. A doubling is then planted, and the days follow each other as they become known, a
tenth of them late by up to two weeks: `delay` is in days of volume since the shift, by the first alert that stands for it, and
`alerts_a_shift` how many it was told by. `best_within_3_days` is what the best test could do at one false alarm a year.
"""

import argparse
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

from scipy.stats import binom

from libs.synthetic.payer_days import MIX, Habit, PayerDay, Shifted, payer_days
from services.analytics.alerts.charts import Day
from services.analytics.alerts.lifecycle import ALL, Alert, settle
from services.analytics.alerts.scan import charts_of

FIRST_ON: Final = date(2024, 1, 1)
_LEARNED: Final = 180
_YEAR: Final = 365
_TOLD_WITHIN: Final = 25  # days: more alerts of one shift come soon
_AFTER: Final = 45  # days in which a shift is waited for
HABITS: Final = {
    "10 a day, 10 %": Habit(10, 0.1),
    "40 a day, 10 %": Habit(40, 0.1),
    "40 a week, 10 %": Habit(40, 0.1, pays_on=(2,)),
    "100 a day, 10 %": Habit(100, 0.1),
    "100 a day, 10 %, restless": Habit(100, 0.1, unrest=0.4),
    "200 a day, 8 %": Habit(200, 0.08),
    "400 a day, 12 %": Habit(400, 0.12),
}


def by_category(days: Sequence[PayerDay]) -> dict[str, list[Day]]:
    """Return a payer's days as charts take them."""
    found = {ALL: [Day(day.on, day.claims, sum(day.denied.values())) for day in days]}
    return found | {name: [Day(day.on, day.claims, day.denied.get(name, 0)) for day in days] for name in MIX}


def false_alarms(seed: str, habit: Habit) -> int:
    """Count the signals of a year without a shift, after half a year of learning."""
    days = list(payer_days(seed, habit, FIRST_ON, _LEARNED + _YEAR))
    begin = FIRST_ON + timedelta(days=_LEARNED)
    return sum(shift.signalled_on >= begin for chart in charts_of(by_category(days), []).values() for shift in chart.shifts)


def told(seed: str, habit: Habit) -> tuple[int | None, int]:
    """Plant a doubling; return after how many days of volume an alert stood (None: never), and how many alerts told of it."""
    shift_on = FIRST_ON + timedelta(days=_YEAR)
    days = list(payer_days(seed, habit, FIRST_ON, _YEAR + _AFTER, Shifted(shift_on)))
    known: dict[UUID, Alert] = {}
    ids = map(UUID, (f"{number:032x}" for number in count(1)))
    delay: int | None = None
    opened = 0
    for number in range(_AFTER):
        today = shift_on + timedelta(days=number)
        seen = [day for day in days if day.on + timedelta(days=day.known_after) <= today]
        evening, so_far = datetime.combine(today, time(20), UTC), list(known.values())
        settled = settle("bench", "P", charts_of(by_category(seen), so_far), so_far, evening, ids)
        known |= {alert.alert_id: alert for alert in settled.moved}
        known |= {step.after.alert_id: step.after for step in settled.steps}
        fresh = [step.after for step in settled.steps if step.what == "opened" and step.after.signalled_on >= shift_on]
        opened += len(fresh)
        if fresh and delay is None:
            delay = sum(shift_on <= day.on for day in seen)
        if delay is not None and number > _TOLD_WITHIN:
            break
    return delay, opened


def best(habit: Habit, days: int = 3) -> float:
    """Return how often the best test there is sees a doubling within so many days of volume, at one false alarm a year.

    It knows the usual rate, and chance alone makes days differ: nothing that is computed from the payer's own answers does better,
    and no longer memory helps, since what came before the shift says nothing of it. (Neyman and Pearson's test of the sum.)
    """
    claims = round(habit.claims * days)
    level = days / (len(habit.pays_on) * _YEAR / 7)
    least = int(binom.isf(level, claims, habit.rate))
    tie = (level - binom.sf(least, claims, habit.rate)) / binom.pmf(least, claims, habit.rate)
    doubled = min(2 * habit.rate, 1.0)
    return float(binom.sf(least, claims, doubled) + tie * binom.pmf(least, claims, doubled))


def alerts(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of alerts."""
    payers = chosen.payers
    found: dict[str, Any] = {"payer_years": payers, "shifts": payers // 2}
    for name, habit in HABITS.items():
        alarms = sum(false_alarms(f"{chosen.seed} {number}", habit) for number in range(payers))
        shifts = [told(f"{chosen.seed} shift {number}", habit) for number in range(payers // 2)]
        delays = sorted(math.inf if delay is None else delay for delay, _ in shifts)
        found[name] = {
            "false_alarms_a_payer_year": round(alarms / payers, 2),
            "at_most": round((alarms + 2 * math.sqrt(alarms) + 1) / payers, 2),
            "delay_median": _days(delays, 0.5),
            "delay_p90": _days(delays, 0.9),
            "found_within_3_days": round(sum(delay <= 3 for delay in delays) / len(delays), 2),
            "best_within_3_days": round(best(habit), 2),
            "alerts_a_shift": round(sum(opened for _, opened in shifts) / len(shifts), 2),
        }
    return found


def _days(delays: Sequence[float], share: float) -> float | str:
    at = delays[min(int(len(delays) * share), len(delays) - 1)]
    return at if math.isfinite(at) else f"more than {_AFTER} days"
