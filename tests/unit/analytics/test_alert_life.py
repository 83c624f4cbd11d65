"""How alerts open, are taken up, end: one shift is one alert, and who did what when is kept."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from services.analytics.alerts.charts import Chart, Episode, Point, Shift
from services.analytics.alerts.lifecycle import (
    ALL,
    Alert,
    Refused,
    Resolution,
    Settled,
    Step,
    acknowledge,
    ended_elsewhere,
    episodes,
    resolve,
    settle,
)

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
TODAY = NOW.date()
BEGAN, SIGNALLED, LAST = date(2026, 3, 3), date(2026, 3, 6), date(2026, 3, 19)
SHIFT = Shift(BEGAN, SIGNALLED, 0.1, claims=1000, denied=220, expected=100.0, refused_cents=2_200_000)
IDS = [UUID(int=number) for number in range(1, 9)]


def standing(shift: Shift = SHIFT, last_on: date = LAST) -> Chart:
    return Chart((Point(last_on, 100, 22, 0.1, 0.19, 0.0, "shifted"),), "shifted", (shift,))


def calm() -> Chart:
    return Chart((Point(LAST, 100, 10, 0.1, 0.19, 0.0, "watching"),), "watching", ())


def settled(charts: dict[str, Chart], known: list[Alert] | None = None, now: datetime = NOW) -> Settled:
    return settle("t", "P1", charts, known or [], now, IDS)


def opened(charts: dict[str, Chart]) -> list[Alert]:
    return [step.after for step in settled(charts).steps]


def test_a_shift_opens_one_alert_with_what_it_costs() -> None:
    (alert,) = opened({ALL: standing(), "coding": calm()})
    assert (alert.category, alert.status, alert.began_on, alert.last_on) == (ALL, "open", BEGAN, LAST)
    assert alert.excess_cents == 1_200_000


def test_an_alert_that_stands_is_not_opened_again_and_its_figures_move_without_a_step() -> None:
    (alert,) = opened({ALL: standing()})
    more = replace(SHIFT, claims=1100, denied=244)
    found = settled({ALL: standing(more)}, [alert])
    assert found.steps == []
    assert [(each.denied, each.version) for each in found.moved] == [(244, 1)]
    assert settled({ALL: standing(more)}, found.moved) == Settled([], [])


def test_where_a_category_carries_the_shift_the_alert_is_about_it_alone() -> None:
    carried = replace(SHIFT, denied=130, expected=20.0)
    assert [alert.category for alert in opened({ALL: standing(), "authorization": standing(carried)})] == ["authorization"]
    slight = replace(SHIFT, denied=40, expected=20.0)
    assert [alert.category for alert in opened({ALL: standing(), "authorization": standing(slight)})] == [ALL]


def test_a_category_that_comes_behind_the_alert_of_all_is_part_of_it_and_a_later_one_is_not() -> None:
    (alert,) = opened({ALL: standing()})
    behind = replace(SHIFT, began_on=BEGAN + timedelta(days=3), signalled_on=LAST)
    assert settled({ALL: standing(), "coding": standing(behind)}, [alert]).steps == []
    later = replace(SHIFT, began_on=SIGNALLED + timedelta(days=30), signalled_on=SIGNALLED + timedelta(days=33))
    (step,) = settled({ALL: standing(), "coding": standing(later)}, [alert]).steps
    assert step.after.category == "coding"


def test_all_refusals_are_not_told_of_where_alerts_of_categories_explain_them() -> None:
    (alert,) = opened({"coding": standing()})
    assert settled({ALL: standing(), "coding": standing()}, [alert]).steps == []


def test_what_is_back_is_resolved_by_the_system_also_when_it_was_taken_up() -> None:
    (alert,) = opened({ALL: standing()})
    taken = acknowledge(alert, "mia", "asked", NOW)
    assert isinstance(taken, Step)
    ended = replace(SHIFT, ended_on=LAST, ended="back")
    (step,) = settled({ALL: Chart(calm().points, "watching", (ended,))}, [taken.after]).steps
    assert (step.what, step.who, step.after.resolution, step.after.ended_on) == ("resolved", "recours", "back", LAST)
    assert (step.after.acknowledged_by, step.after.version) == ("mia", 3)


def test_what_a_person_ended_stays_ended_and_takes_no_further_step() -> None:
    (alert,) = opened({ALL: standing()})
    step = resolve(alert, "mia", "false_alarm", None, NOW)
    assert isinstance(step, Step)
    assert (step.after.resolved_by, step.after.ended_on) == ("mia", NOW.date())
    assert acknowledge(step.after, "mia", None, NOW) == Refused("resolved")
    assert resolve(step.after, "mia", "fixed", None, NOW) == Refused("resolved")
    (told,) = episodes([step.after], ALL)
    assert (told.ended_on, told.counts, told.is_level) == (NOW.date(), True, False)


def test_a_payer_that_answers_no_more_is_no_news() -> None:
    assert opened({ALL: standing(last_on=NOW.date() - timedelta(days=31))}) == []


def test_an_alert_whose_days_are_gone_stands_until_somebody_ends_it() -> None:
    (alert,) = opened({ALL: standing()})
    assert settled({}, [alert]) == Settled([], [])


def over(alert: Alert, ended_on: date = TODAY, resolution: Resolution = "false_alarm") -> Alert:
    return replace(alert, status="resolved", resolution=resolution, ended_on=ended_on, resolved_at=NOW)


def test_what_ended_with_an_alert_of_another_chart_is_over_on_this_one_too() -> None:
    (alert,) = opened({"authorization": standing()})
    later = replace(SHIFT, began_on=BEGAN + timedelta(days=2), signalled_on=LAST)
    told = ended_elsewhere(standing(later), ALL, [over(alert)])
    assert told == Episode(later.began_on, later.signalled_on, NOW.date(), counts=True)
    assert ended_elsewhere(
        standing(later), "authorization", [over(replace(alert, category=ALL), resolution="new_normal")]
    ) == Episode(later.began_on, later.signalled_on, NOW.date(), counts=True, is_level=True)


def test_a_shift_that_is_none_of_the_ended_alerts_goes_on() -> None:
    (alert,) = opened({"authorization": standing()})
    assert ended_elsewhere(standing(), "coding", [over(alert)]) is None, "of another category"
    assert ended_elsewhere(standing(), ALL, [alert]) is None, "which stands"
    assert ended_elsewhere(standing(), ALL, [over(alert), over(replace(alert, category=ALL))]) is None, "which it told of itself"
    new = replace(SHIFT, began_on=NOW.date() + timedelta(days=1), signalled_on=NOW.date() + timedelta(days=3))
    assert ended_elsewhere(standing(new), ALL, [over(alert)]) is None, "which began later"
    other = replace(SHIFT, began_on=SIGNALLED + timedelta(days=15), signalled_on=SIGNALLED + timedelta(days=19))
    ended_on = SIGNALLED + timedelta(days=17)
    assert ended_elsewhere(standing(other), "authorization", [over(replace(alert, category=ALL), ended_on)]) is None, (
        "nobody saw it"
    )


def test_what_a_category_carried_until_its_end_is_not_told_of_as_of_all_in_the_same_look() -> None:
    (alert,) = opened({"authorization": standing()})
    ended = replace(SHIFT, ended_on=LAST, ended="new_normal")
    found = settled({ALL: standing(), "authorization": Chart(calm().points, "watching", (ended,))}, [alert])
    assert [(step.what, step.after.category) for step in found.steps] == [("resolved", "authorization")]
