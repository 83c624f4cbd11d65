"""The limits that docs/alerts.md states of a payer that answers a hundred claims a day, held by years of a fixed seed."""

from datetime import date, timedelta
from statistics import median

from libs.synthetic.payer_days import MIX, Habit, Shifted, payer_days
from services.analytics.alerts.charts import Day
from services.analytics.alerts.lifecycle import ALL
from services.analytics.alerts.scan import charts_of

FIRST = date(2024, 1, 1)
LEARNED, YEAR = 180, 365
HABIT = Habit(100, 0.1)
YEARS = 12


def signals(seed: str, days: int, shifted: Shifted | None = None) -> tuple[list[date], list[date]]:
    """Return the payment days of a payer, and those on which its charts, of all refusals and of each category, told of a shift."""
    told = list(payer_days(seed, HABIT, FIRST, days, shifted))
    by_category = {ALL: [Day(day.on, day.claims, sum(day.denied.values())) for day in told]}
    by_category |= {name: [Day(day.on, day.claims, day.denied.get(name, 0)) for day in told] for name in MIX}
    charts = charts_of(by_category, [])
    return [day.on for day in told], sorted(shift.signalled_on for each in charts.values() for shift in each.shifts)


def test_quiet_years_of_a_payer_stay_under_one_false_alarm_a_year() -> None:
    begin = FIRST + timedelta(days=LEARNED)
    alarms = sum(on >= begin for number in range(YEARS) for on in signals(f"quiet {number}", LEARNED + YEAR)[1])
    assert alarms / YEARS < 1, alarms
    assert alarms <= 0.33 * YEARS + 2 * (0.33 * YEARS) ** 0.5, "the stated rate, and what chance adds to it"


def test_a_doubling_is_found_within_three_days_of_volume_in_the_median_and_nearly_always_within_five() -> None:
    begin = FIRST + timedelta(days=YEAR)
    delays = []
    for number in range(YEARS):
        days, told = signals(f"doubled {number}", YEAR + 45, Shifted(begin))
        first = next((on for on in told if on >= begin), date.max)
        delays.append(sum(begin <= on <= first for on in days))
    assert median(delays) <= 3, delays
    assert sum(delay <= 5 for delay in delays) >= 0.9 * YEARS - 1, delays
