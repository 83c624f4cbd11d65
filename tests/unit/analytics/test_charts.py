"""What a control chart says of days: nothing of noise, of one day, of too little; a shift, its begin and its end."""

import math
from datetime import date, timedelta

import pytest

from libs.synthetic.payer_days import MIX, Habit, PayerDay, Shifted, payer_days
from services.analytics.alerts.charts import OF_ALL, OF_CATEGORY, Chart, Day, Episode, chart, is_finished, usual

FIRST = date(2025, 1, 6)  # a Monday
HABIT = Habit(claims=100, rate=0.1)
ON = FIRST + timedelta(days=200)


def all_of(days: list[PayerDay]) -> list[Day]:
    return [Day(day.on, day.claims, sum(day.denied.values()), 100 * sum(day.denied.values())) for day in days]


def drawn(seed: str, days: int = 260, shifted: Shifted | None = None, habit: Habit = HABIT) -> list[Day]:
    return all_of(list(payer_days(seed, habit, FIRST, days, shifted)))


def signals(found: Chart) -> list[date]:
    return [shift.signalled_on for shift in found.shifts]


def even(days: int, claims: int, denied: int, first: date = FIRST) -> list[Day]:
    return [Day(first + timedelta(days=number), claims, denied) for number in range(days)]


def test_a_doubling_is_found_in_days_with_its_begin_and_its_cost() -> None:
    found = chart(drawn("a", shifted=Shifted(ON)))
    (shift,) = found.shifts
    assert found.state == "shifted"
    assert found.standing == shift
    assert ON <= shift.signalled_on <= ON + timedelta(days=7)
    assert abs((shift.began_on - ON).days) <= 4
    assert 0.08 < shift.usual_rate < 0.12
    assert 1.7 < shift.denied / shift.expected < 2.3
    assert shift.refused_cents == shift.denied * 100


def test_the_order_in_which_days_come_does_not_matter_and_days_without_volume_say_nothing() -> None:
    days = drawn("a", shifted=Shifted(ON))
    empty = [Day(FIRST + timedelta(days=number), 0, 0) for number in range(5, 300, 7)]
    assert chart([*reversed(days), *empty]) == chart(days)


def test_one_day_alone_is_no_shift_however_bad() -> None:
    days = even(100, 100, 10)
    days[60] = Day(days[60].on, 100, 100)
    assert signals(chart(days)) == []
    days[61] = Day(days[61].on, 100, 100)
    assert signals(chart(days)) == [days[61].on]


def test_a_level_of_each_weekdays_own_is_usual() -> None:
    days = [Day(day.on, 100, 30 if day.on.weekday() == 0 else 5) for day in even(200, 100, 0)]
    assert signals(chart(days)) == []
    learned = usual(days)
    assert learned.of(FIRST) == pytest.approx(0.30, abs=0.03)
    assert learned.of(FIRST + timedelta(days=1)) == pytest.approx(0.05, abs=0.01)


def test_days_that_differ_beyond_chance_widen_the_limits() -> None:
    calm = usual(even(100, 1000, 100))
    restless = usual([Day(day.on, 1000, 160 if number % 2 else 40) for number, day in enumerate(even(100, 1000, 100))])
    assert calm.dispersion == 1.0
    assert restless.dispersion > 20


def test_too_few_days_or_claims_leave_it_learning() -> None:
    assert chart(even(14, 100, 90)).state == "learning"
    assert chart(even(90, 1, 1)).state == "learning"
    assert chart([]) == Chart((), "learning", ())
    assert chart(even(16, 100, 10)).state == "watching"


def test_a_new_payer_that_always_refuses_much_is_usual_from_its_begin() -> None:
    assert signals(chart(even(200, 50, 45))) == []


def test_a_category_never_seen_before_is_found() -> None:
    days = even(150, 100, 0) + even(10, 100, 6, FIRST + timedelta(days=150))
    (shift,) = chart(days).shifts
    assert shift.began_on == FIRST + timedelta(days=150)


def test_a_shift_ends_where_the_rate_is_back_and_is_no_measure_of_what_is_usual() -> None:
    back_on = ON + timedelta(days=30)
    found = chart(drawn("b", 330, Shifted(ON, to_on=back_on)))
    (shift,) = found.shifts
    assert shift.ended == "back"
    assert shift.ended_on is not None
    assert back_on < shift.ended_on <= back_on + timedelta(days=10)
    assert found.state == "watching"
    assert found.points[-1].expected == pytest.approx(0.1, abs=0.03)


def test_a_shift_that_ended_with_the_last_day_stands_no_more() -> None:
    days = drawn("a", shifted=Shifted(ON))
    (told,) = chart(days).shifts
    ended = chart(days, [Episode(told.began_on, told.signalled_on, days[-1].on, counts=True)])
    assert (ended.state, ended.standing) == ("watching", None)
    assert [shift.ended_on for shift in ended.shifts] == [days[-1].on]
    for until in range(len(days)):  # nor where it ended by itself
        found = chart(drawn("b", 330, Shifted(ON, to_on=ON + timedelta(days=30)))[: until + 150])
        assert found.standing is None or found.standing.ended_on is None


@pytest.mark.parametrize(
    ("ago", "fresh", "finished"),
    [(-1, 0, False), (0, 0, True), (0, 10, True), (0, 11, False), (6, 100, False), (7, 100, True)],
)
def test_a_day_is_judged_when_it_has_ended_and_its_answers_have_come(ago: int, fresh: int, finished: bool) -> None:
    assert is_finished(ON - timedelta(days=ago), 100, fresh, through=ON) is finished


def test_what_stands_for_a_quarter_is_the_new_normal() -> None:
    found = chart(drawn("c", 400, Shifted(ON)))
    assert [shift.ended for shift in found.shifts] == ["new_normal"]
    assert found.points[-1].expected == pytest.approx(0.2, abs=0.06)


def test_what_was_told_stands_as_it_was_told_though_late_days_dilute_it() -> None:
    days = drawn("a", 215, Shifted(ON))
    (shift,) = chart(days).shifts
    told = Episode(shift.began_on, shift.signalled_on)
    diluted = [Day(day.on, day.claims * 2, day.denied) if day.on >= ON else day for day in days]
    assert signals(chart(diluted)) == []
    assert signals(chart(diluted, [told]))[-1] == shift.signalled_on


@pytest.mark.parametrize(("counts", "is_level"), [(False, False), (True, False), (True, True)])
def test_what_a_person_ended_is_told_again_only_where_it_is_not_usual_by_what_the_person_said(counts: bool, is_level: bool) -> None:
    days = drawn("d", 290, Shifted(ON))
    (first,) = chart(days).shifts[:1]
    ended_on = ON + timedelta(days=40)
    told = Episode(first.began_on, first.signalled_on, ended_on, counts=counts, is_level=is_level)
    found = chart(days, [told])
    assert found.shifts[0].ended_on is not None
    assert found.shifts[0].ended_on <= ended_on
    assert (len(found.shifts) > 1) is not is_level


def test_charts_of_categories_and_of_small_payers_are_quiet_over_a_year() -> None:
    habit = Habit(claims=15, rate=0.1, pays_on=(2,))
    told = 0
    for seed in range(6):
        days = list(payer_days(f"quiet {seed}", habit, FIRST, 545))
        by_category = [[Day(day.on, day.claims, day.denied.get(name, 0)) for day in days] for name in MIX]
        told += sum(len(chart(each, (), OF_CATEGORY).shifts) for each in by_category)
    assert told <= 3


def test_who_pays_once_a_week_is_told_of_by_less_evidence_than_who_pays_daily() -> None:
    daily, weekly = usual(even(100, 40, 4)), usual([day for day in even(180, 40, 4) if day.on.weekday() == 2])
    assert daily.signal_at(OF_ALL) == pytest.approx(OF_ALL.signal_at + math.log(365 / 250))
    assert weekly.signal_at(OF_ALL) == pytest.approx(OF_ALL.signal_at + math.log(52.14 / 250), abs=0.04)
    assert usual(even(1, 40, 4)).signal_at(OF_ALL) >= 1.5


def test_the_evidence_of_a_day_has_a_bound_that_the_tuning_names() -> None:
    days = even(60, 100, 10) + even(1, 10_000, 9_000, FIRST + timedelta(days=60))
    most = usual(days[:-1]).signal_at(OF_ALL) * OF_ALL.day_share
    assert chart(days).points[-1].evidence == pytest.approx(most)
