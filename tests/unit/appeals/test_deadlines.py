"""Until when: dated examples of every level, each by the source of its rule, and which day is a case's deadline."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts.denial_classified import Deadline
from services.appeals.deadlines import counting
from services.appeals.deadlines.clocks import Facts, clocks, standing
from services.appeals.deadlines.levels import (
    UNCONFIGURED,
    Level,
    Payer,
    due,
    floor_cents,
    floors,
    in_force,
    levels,
    levels_after,
    next_check,
    problems,
    routes,
)
from services.classifier import deadlines as classifier

PAID = date(2026, 3, 2)
with (Path(__file__).parent / "deadline_examples.csv").open(newline="", encoding="utf-8") as _file:
    EXAMPLES = list(csv.DictReader(_file))


@pytest.mark.parametrize("told", EXAMPLES, ids=lambda told: f"{told['level']} {told['noticed_on']}: {told['what']}")
def test_every_dated_example_ends_on_its_day(told: dict[str, str]) -> None:
    noticed_on = date.fromisoformat(told["noticed_on"])
    level = in_force(Payer(told["path"]), None, noticed_on)[told["level"]]
    received_on = date.fromisoformat(told["received_on"]) if told["received_on"] else None
    counted = due(level, noticed_on, received_on)
    assert counted is not None
    assert counted[0].isoformat() == told["due_on"]
    assert level.source.startswith(told["source"])


def test_there_are_sixty_examples_and_more() -> None:
    assert len({(told["level"], told["noticed_on"], told["received_on"]) for told in EXAMPLES}) >= 60


def test_the_data_hold_together() -> None:
    assert {path: wrong for path, told in levels().items() if (wrong := problems(told))} == {}
    assert [level for told in levels().values() for level in told if level.firm and level.verified_on is None] == []
    assert all(levels()[path] for path in routes())
    for floor in ("hearing", "court"):
        years = [each.effective_from.year for each in floors() if each.floor == floor]
        assert years == sorted(set(years))


def test_levels_that_overlap_or_have_no_source_are_found() -> None:
    twice = [Level("redetermination", 10, "days", "notice", date(2026, 1, day), "a contract") for day in (1, 5)]
    assert problems(twice) == ["redetermination holds twice from 2026-01-05"]
    odd = Level("arbitration", 0, "days", "notice", date(2026, 1, 2), "", effective_to=date(2026, 1, 1))
    assert len(problems([odd])) == 4


def test_the_amount_in_controversy_is_that_of_the_year_and_next_years_is_unknown() -> None:
    told = [(floor_cents("hearing", date(year, 5, 1)), floor_cents("court", date(year, 5, 1))) for year in (2024, 2025, 2026, 2027)]
    assert told == [(18_000, 184_000), (19_000, 190_000), (20_000, 196_000), (None, None)]


# -- a case's clocks


def facts(action: str = "appeal", *others: str, kind: str | None = "medicare", **told: Any) -> Facts:
    return Facts(action, others, PAID, kind, **told)


def of_the_classifier(on: date, rule: str = "medicare_calendar_year", *, firm: bool = True) -> Deadline:
    return Deadline(on, rule, "a source", "service_from_on", date(2026, 1, 5), firm)


def test_medicare_is_known_by_law() -> None:
    (clock,) = clocks(facts(), UNCONFIGURED)
    assert (clock.level, clock.due_on, clock.firm, clock.trigger_on) == (
        "redetermination",
        date(2026, 7, 5),
        True,
        date(2026, 3, 7),
    )
    assert standing((clock,), PAID).expires_on == date(2026, 7, 5)


@pytest.mark.parametrize("kind", ["medicare_advantage", "medicaid", "workers_comp", "auto_liability", "other", None])
def test_a_payer_that_nobody_configured_has_an_unknown_deadline(kind: str | None) -> None:
    found = clocks(facts(kind=kind), UNCONFIGURED)
    told = standing(found, PAID)
    assert (told.deadline_on, told.deadline_is, told.expires_on) == (None, "unknown", None)


def test_a_commercial_payers_day_is_assumed_until_somebody_settles_it_and_never_expires_a_case() -> None:
    assumed = standing(clocks(facts(kind="commercial"), UNCONFIGURED), PAID)
    assert (assumed.deadline_on, assumed.deadline_is, assumed.expires_on) == (date(2026, 8, 29), "assumed", None)
    chosen = standing(clocks(facts(kind="commercial"), Payer("commercial")), PAID)
    assert (chosen.deadline_is, chosen.expires_on) == ("firm", date(2026, 8, 29))


def test_what_a_tenant_writes_about_a_payer_comes_before_everything() -> None:
    own = Level("internal_appeal", 90, "days", "notice", date(2026, 1, 1), "contract of 2026")
    told = facts(kind="commercial", appeal_by=of_the_classifier(date(2026, 4, 1), "tenant:their own"))
    assert clocks(told, Payer(levels=(own,)))[0].due_on == date(2026, 5, 31)
    assert clocks(told, UNCONFIGURED)[0].rule == "tenant:their own"
    before = Level("internal_appeal", 90, "days", "notice", date(2026, 3, 3), "contract of March")
    assert clocks(facts(kind="commercial"), Payer(levels=(before,)))[0].due_on == date(2026, 8, 29)


def test_a_corrected_claim_has_the_limit_of_timely_filing_as_the_classifier_counts_it() -> None:
    told = facts("correct_and_resubmit", correct_by=of_the_classifier(date(2027, 1, 5)))
    (clock,) = clocks(told, UNCONFIGURED)
    assert (clock.way, clock.level, clock.due_on) == ("correct_and_resubmit", None, date(2027, 1, 5))
    own = Level("corrected_claim", 180, "days", "notice", date(2026, 1, 1), "manual")
    assert clocks(told, Payer(levels=(own,)))[0].due_on == date(2026, 8, 29)
    from_service = Level("corrected_claim", 365, "days", "service", date(2026, 1, 1), "manual")
    assert clocks(facts("correct_and_resubmit"), Payer(levels=(from_service,)))[0].due_on is None


def test_the_nearest_of_several_is_the_deadline_and_when_it_is_over_the_next() -> None:
    found = clocks(facts("correct_and_resubmit", "appeal", correct_by=of_the_classifier(date(2027, 1, 5))), UNCONFIGURED)
    assert standing(found, PAID).deadline_on == date(2026, 7, 5)
    after = standing(found, date(2026, 7, 6))
    assert (after.deadline_on, after.expires_on) == (date(2027, 1, 5), date(2027, 1, 5))


def test_an_unknown_day_of_the_action_keeps_the_case_unknown_but_shows_the_other() -> None:
    told = standing(clocks(facts("correct_and_resubmit", "appeal"), UNCONFIGURED), PAID)
    assert (told.deadline_on, told.deadline_is, told.expires_on) == (date(2026, 7, 5), "unknown", None)


def test_another_way_without_a_known_day_does_not_keep_a_case_open() -> None:
    told = standing(clocks(facts("appeal", "correct_and_resubmit"), UNCONFIGURED), PAID)
    assert (told.deadline_on, told.deadline_is, told.expires_on) == (date(2026, 7, 5), "firm", date(2026, 7, 5))


def test_what_has_no_last_day_has_none() -> None:
    told = standing(clocks(facts("write_off"), UNCONFIGURED), PAID)
    assert (told.deadline_on, told.deadline_is) == (None, "none")


def test_levels_follow_one_another_from_the_day_of_each_decision() -> None:
    decided: dict[str, Any] = {"decided_on": date(2026, 9, 1)}
    (second,) = clocks(facts(level="redetermination", **decided), UNCONFIGURED)
    assert (second.level, second.due_on) == ("reconsideration", date(2027, 3, 5))
    (third,) = clocks(facts(level="reconsideration", **decided), UNCONFIGURED)
    assert (third.level, third.due_on, third.floor_cents) == ("alj_hearing", date(2026, 11, 5), 20_000)
    assert clocks(facts(level="judicial_review", **decided), UNCONFIGURED) == ()


def test_a_plan_forwards_what_it_upholds_and_a_level_that_a_payer_does_not_have_is_passed_over() -> None:
    advantage = Payer("medicare_advantage_non_contract")
    assert clocks(facts(level="plan_reconsideration", decided_on=PAID, kind=None), advantage) == ()
    upheld = facts(level="internal_appeal", decided_on=PAID, kind="commercial")
    second, external = clocks(upheld, UNCONFIGURED)
    assert (second.level, second.due_on, external.level, external.due_on) == (
        "second_internal_appeal",
        None,
        "external_review",
        date(2026, 7, 2),
    )
    none = Level("second_internal_appeal", None, "days", "notice", date(2026, 1, 1), "contract", filed_when="never")
    (only,) = clocks(upheld, Payer(levels=(none,)))
    assert only.level == "external_review"


def test_a_payer_is_asked_after_the_days_that_its_level_gives_it_or_after_30_that_are_said_to_be_assumed() -> None:
    filed_on = date(2026, 3, 1)
    assert next_check(UNCONFIGURED, "medicare", "redetermination", filed_on) == (date(2026, 4, 30), "level")
    assert next_check(UNCONFIGURED, "medicare", "reopening", filed_on) == (date(2026, 3, 31), "assumed")
    assert next_check(UNCONFIGURED, None, "redetermination", filed_on) == (date(2026, 3, 31), "assumed")
    own = Level("corrected_claim", 90, "days", "notice", date(2026, 1, 1), "contract", decision_days=45)
    assert next_check(Payer(levels=(own,)), None, "corrected_claim", filed_on) == (date(2026, 4, 15), "level")
    assert next_check(Payer(levels=(own,)), None, "corrected_claim", date(2025, 3, 1)) == (date(2025, 3, 31), "assumed")


def test_days_that_somebody_wrote_of_the_channel_come_before_those_of_the_level() -> None:
    told = next_check(UNCONFIGURED, "medicare", "redetermination", date(2026, 3, 1), 10)
    assert told == (date(2026, 3, 11), "channel")


def test_the_first_level_by_law_has_no_steps_before_it() -> None:
    known = in_force(UNCONFIGURED, "commercial", PAID)
    assert [name for name, level in known.items() if level.place == 0] == ["payer_reconsideration", "peer_to_peer"]
    assert levels_after(known, None)[0].level == "internal_appeal"


@pytest.mark.parametrize("on", [date(2023, 11, 1), date(2024, 2, 29), date(2025, 10, 28), PAID])
def test_appeals_and_the_classifier_count_the_first_appeal_to_the_same_day(on: date) -> None:
    limit = classifier._limits()["appeal", "medicare", ""]
    ours = clocks(Facts("appeal", (), on, "medicare"), UNCONFIGURED)[0]
    assert ours.due_on == counting.after(on, limit.days, "days")
    assert ours.firm == limit.firm


@pytest.mark.parametrize("kind", ["commercial", "marketplace"])
def test_the_classifier_leaves_the_members_path_to_appeals(kind: str) -> None:
    assert ("appeal", kind, "") not in classifier._limits()


def test_a_day_is_that_of_the_payers_time_zone() -> None:
    assert counting.today(datetime(2026, 12, 6, 3, tzinfo=UTC), "America/New_York") == date(2026, 12, 5)
    assert counting.begins(date(2026, 3, 9), "America/New_York") == datetime(2026, 3, 9, 4, tzinfo=UTC)
    assert counting.begins(date(2026, 3, 8), "America/New_York") == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert counting.begins(date(2026, 11, 2), "America/New_York") == datetime(2026, 11, 2, 5, tzinfo=UTC)


def test_nothing_is_counted_from_a_day_at_an_end_of_the_calendar() -> None:
    for day in (date.min, date.max):
        assert {due(level, day) for known in levels().values() for level in known} == {None}
        assert {due(level, PAID, day) for known in levels().values() for level in known} == {None}
