"""Months of a period and of its groups, against which write-offs are measured."""

from datetime import date

from services.analytics.kpis.figures import months_within, whole_months

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


def test_a_period_of_whole_months_has_them_and_any_other_has_none() -> None:
    assert whole_months(date(2025, 12, 1), date(2026, 2, 28)) == [date(2025, 12, 1), JANUARY, FEBRUARY]
    assert whole_months(JANUARY, date(2026, 1, 30)) == whole_months(date(2026, 1, 2), date(2026, 1, 31)) == []
    assert whole_months(None, date(2026, 1, 31)) == whole_months(JANUARY, None) == whole_months(JANUARY, date.max) == []


def test_a_group_of_the_calendar_has_its_own_months_and_days_have_none() -> None:
    months = [JANUARY, FEBRUARY, MARCH, date(2026, 4, 1)]
    assert months_within(months, {}) == months_within(months, {"payer": "P"}) == months
    assert months_within(months, {"month": "2026-02-01", "payer": "P"}) == [FEBRUARY]
    assert months_within(months, {"quarter": "2026-01-01"}) == [JANUARY, FEBRUARY, MARCH]
    assert months_within(months, {"year": "2026-01-01"}) == months
    assert months_within(months, {"year": "2025-01-01"}) == months_within(months, {"day": "2026-01-01"}) == []
