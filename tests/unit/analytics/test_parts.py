"""Whatever is asked, the parts that answer it count each day once, and of each day what was known in time."""

from calendar import monthrange
from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from services.analytics.facts.measures import DIMENSIONS, PLACES, Grain
from services.analytics.parts import Part, of_days, of_state

_DAYS = st.dates(date(2022, 1, 1), date(2026, 12, 31)) | st.sampled_from([date.min, date.max, date(9999, 12, 1), date(1, 1, 31)])
_DIMENSIONS = st.frozensets(st.sampled_from(DIMENSIONS), max_size=3)


def weight(parts: list[Part], day: date, known_on: date) -> int:
    """Return how often what is of a day, and became known on another, is counted."""
    return sum(
        part.sign
        for part in parts
        if (part.first or day) <= day <= (part.last or day)
        and known_on <= (part.known_by or known_on)
        and (part.known_after is None or known_on > part.known_after)
    )


@given(_DIMENSIONS, st.none() | _DAYS, st.none() | _DAYS, st.none() | _DAYS, _DAYS, _DAYS, st.booleans(), st.booleans())
@example(
    frozenset({"payer", "facility"}),
    date(2026, 8, 27),
    date(2026, 11, 24),
    date(2026, 11, 19),
    date(2026, 11, 24),
    date(2026, 11, 20),
    False,
    False,
)
def test_each_day_is_counted_once_if_it_was_known(
    dimensions: frozenset[str],
    first: date | None,
    last: date | None,
    as_of: date | None,
    day: date,
    known_on: date,
    by_day: bool,
    filtered: bool,
) -> None:
    if first is not None and last is not None and first > last:
        first, last = last, first
    parts = of_days(dimensions, first, last, as_of, by_day=by_day, filtered=filtered)
    near = [day, *(each for part in parts for each in (part.first, part.last) if each)]
    for each in {step for one in near for step in (one, _moved(one, 1), _moved(one, -1))}:
        is_asked = (first or each) <= each <= (last or each) and known_on <= (as_of or known_on)
        assert weight(parts, each, known_on) == is_asked, (each, parts)
    for part in parts:
        if part.grain in (Grain.MONTH, Grain.COARSE_MONTH) or part.grain >= Grain.NARROW_MONTH:
            assert _is_month(part), part


def _moved(day: date, days: int) -> date:
    return day if day in (date.min, date.max) else day + timedelta(days=days)


def _is_month(part: Part) -> bool:
    """Say whether a part has whole months alone, and nothing that asks when it became known: months do not tell."""
    ends = part.last is None or part.last.day == monthrange(part.last.year, part.last.month)[1]
    return (part.first is None or part.first.day == 1) and ends and part.known_by is None and part.known_after is None


def test_a_period_between_months_takes_the_other_days_away() -> None:
    parts = of_days(frozenset({"payer", "provider"}), date(2026, 8, 27), date(2026, 11, 24), None)
    assert parts == [
        Part(Grain.MONTH, date(2026, 9, 1), date(2026, 11, 30)),
        Part(Grain.DAY, date(2026, 8, 27), date(2026, 8, 31)),
        Part(Grain.DAY, date(2026, 11, 25), date(2026, 11, 30), sign=-1),
    ]


def test_of_some_cells_days_are_read_where_months_spare_few_of_them() -> None:
    of_both = frozenset({"payer", "provider"})
    quarter, year = (date(2026, 8, 27), date(2026, 11, 24)), (date(2025, 11, 25), date(2026, 11, 24))
    assert of_days(of_both, *quarter, None, filtered=True) == [Part(Grain.DAY, *quarter)]
    assert [part.grain for part in of_days(of_both, *year, None, filtered=True)] == [Grain.MONTH, Grain.DAY, Grain.DAY]
    assert of_days(frozenset({"payer"}), *quarter, None, filtered=True)[0].grain == Grain.NARROW_MONTH + PLACES["payer"]


def test_what_was_known_on_an_evening_is_what_is_known_less_what_came_later() -> None:
    parts = of_days(frozenset({"payer", "provider"}), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 9))
    assert parts == [
        Part(Grain.MONTH, date(2026, 1, 1), date(2026, 6, 30)),
        Part(Grain.DAY, date(2026, 1, 1), date(2026, 6, 30), sign=-1, known_after=date(2026, 7, 9)),
    ]


@given(_DIMENSIONS, _DAYS, _DAYS)
def test_a_state_counts_every_change_up_to_its_evening(dimensions: frozenset[str], evening: date, day: date) -> None:
    parts = of_state(dimensions, evening)
    for each in (day, evening, _moved(evening, 1), evening.replace(day=1), _moved(evening.replace(day=1), -1)):
        assert weight(parts, each, each) == (each <= evening), (each, parts)
