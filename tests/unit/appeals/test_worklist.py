"""What a case is worth and where it stands: by its chance, its cost, its deadline, and by who has it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.appeals.deadlines.clocks import Facts
from services.appeals.deadlines.levels import UNCONFIGURED, Payer
from services.appeals.workflow import CaseState
from services.appeals.worklist import scoring
from services.appeals.worklist.editing import Edit, NotDone, difference, edit
from services.appeals.worklist.placing import ACTIONABLE, Case, Told, place

PAID, NOW = date(2026, 2, 1), datetime(2026, 3, 1, 17, tzinfo=UTC)
DUE = date(2026, 6, 6)


def case(kind: str | None = "medicare", **told: Any) -> Case:
    made = Case("t", UUID(int=1), CaseState.OPEN, "P", "authorization", 100_000, Told(Facts("appeal", (), PAID, kind)))
    return replace(made, **told)


def on(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 17, tzinfo=UTC)


def test_the_chance_is_as_told_else_the_base_rate_of_the_kind_of_payer() -> None:
    assert [scoring.chance("commercial", told) for told in (None, 0.25, 0.0, 7.0)] == [5430, 2500, 0, 10_000]
    assert scoring.chance(None, None) == scoring.chance("something new", None) == 3400


def test_what_a_win_usually_brings_comes_before_the_whole_refused_amount() -> None:
    told = case().told
    assert place(case(), UNCONFIGURED, NOW).expected_cents == 100_000 * 51 // 100 - 5723
    assert place(case(told=replace(told, probability=0.5)), UNCONFIGURED, NOW).expected_cents == 50_000 - 5723
    assert place(case(told=replace(told, probability=0.5, value_cents=20_000)), UNCONFIGURED, NOW).expected_cents == 20_000 - 5723
    assert place(case(category="medical_necessity"), UNCONFIGURED, NOW).expected_cents == 51_000 - 8948


def test_urgency_grows_in_steps_and_gives_nothing_to_what_is_worth_nothing() -> None:
    scores = [scoring.score(1000, DUE, DUE - timedelta(days=left), is_unknown=False) for left in (31, 30, 14, 7, 2, 0, -1)]
    assert scores == [1000, 1200, 1500, 2000, 3000, 3000, 1000]
    assert scoring.score(-50, DUE, DUE, is_unknown=False) == -50
    assert scoring.score(1000, None, DUE, is_unknown=True) == 1200


@given(st.integers(-400, 400), st.integers(1, 10**9))
def test_a_score_changes_on_no_day_that_the_clock_does_not_know(left: int, expected: int) -> None:
    today = DUE - timedelta(days=left)
    turn = scoring.next_change(DUE, today)
    last = (turn or today + timedelta(days=50)) - timedelta(days=1)
    days = [today + timedelta(days=offset) for offset in range((last - today).days + 1)]
    assert len({scoring.score(expected, DUE, day, is_unknown=False) for day in days}) == 1
    assert len({scoring.warnings(DUE, date(2020, 1, 1), day) for day in days}) == 1


def test_of_warnings_that_were_due_before_the_deadline_was_known_the_nearest_alone_is_raised() -> None:
    known = DUE - timedelta(days=5)
    assert scoring.warnings(DUE, known, known) == (7,)
    assert scoring.warnings(DUE, known, DUE) == (2,)
    assert scoring.warnings(DUE, PAID, DUE + timedelta(days=90)) == (14, 7, 2)
    assert scoring.warnings(DUE, PAID, DUE - timedelta(days=15)) == ()
    assert scoring.warnings(None, PAID, DUE) == ()


@pytest.mark.parametrize("state", CaseState)
def test_only_what_is_ours_to_act_on_is_on_the_worklist(state: CaseState) -> None:
    stands = place(case(state=state), UNCONFIGURED, NOW)
    assert (stands.place == "free") == (state in ACTIONABLE)
    assert (stands.look_at is None) == (state not in ACTIONABLE or stands.deadline_on is None)


def test_a_case_that_waits_for_documents_has_their_deadline_alone() -> None:
    stands = place(case(state=CaseState.MORE_INFORMATION_REQUESTED), UNCONFIGURED, NOW)
    assert (stands.deadline_on, stands.deadline_is) == (None, "unknown")


def test_the_day_that_a_payer_names_is_the_deadline_while_it_waits_and_one_of_several_while_we_work() -> None:
    asked = case(state=CaseState.MORE_INFORMATION_REQUESTED, requested_by_on=date(2026, 3, 20))
    waits = place(asked, UNCONFIGURED, NOW)
    assert (waits.deadline_on, waits.deadline_is, waits.over) == (date(2026, 3, 20), "firm", False)
    assert place(replace(asked, state=CaseState.FILED), UNCONFIGURED, NOW).deadline_on is None
    works = case(requested_by_on=date(2026, 3, 20))
    assert place(works, UNCONFIGURED, NOW).deadline_on == date(2026, 3, 20)
    later = place(works, UNCONFIGURED, on(date(2026, 3, 21)))
    assert (later.deadline_on, later.over) == (DUE, False)


def test_a_case_that_waits_for_documents_stays_after_the_payers_day_until_somebody_acts() -> None:
    asked = case(state=CaseState.MORE_INFORMATION_REQUESTED, requested_by_on=date(2026, 3, 20), holder="marie")
    for day in (21, 31):
        late = place(asked, UNCONFIGURED, on(date(2026, 3, day)))
        assert (late.place, late.over, late.deadline_on, late.deadline_is) == ("free", False, date(2026, 3, 20), "firm")
    assert place(replace(asked, state=CaseState.FILED), UNCONFIGURED, on(date(2026, 3, 21))).place == "away"


def test_a_decided_case_whose_next_level_is_over_leaves_the_worklist_without_expiring() -> None:
    stands = place(case(state=CaseState.UPHELD), UNCONFIGURED, on(DUE + timedelta(days=1)))
    assert (stands.place, stands.over) == ("away", False)
    assert place(case(), UNCONFIGURED, on(DUE + timedelta(days=1))).over
    assert not place(case(expired_for=DUE), UNCONFIGURED, on(DUE + timedelta(days=1))).over


def test_whose_turn_a_case_is_follows_from_who_has_it() -> None:
    having = ((None, None), (None, "n"), ("jo", "n"))
    queues = [place(case(assignee=who, team=team), UNCONFIGURED, NOW).queue for who, team in having]
    assert queues == ["", "team:n", "person:jo"]


def test_a_lease_that_is_over_is_none_and_a_snooze_ends_with_its_day() -> None:
    held: dict[str, Any] = {"holder": "jo", "leased_until": NOW + timedelta(minutes=1)}
    assert place(case(**held), UNCONFIGURED, NOW).place == "leased"
    assert place(case(**held), UNCONFIGURED, NOW + timedelta(minutes=1)).place == "free"
    later = case(snoozed_until=date(2026, 3, 10))
    assert [place(later, UNCONFIGURED, on(day)).place for day in (date(2026, 3, 9), date(2026, 3, 10))] == ["snoozed", "free"]


def test_a_settled_payer_moves_the_days_after_which_a_filing_needs_a_cause() -> None:
    assert place(case("medicare_advantage"), UNCONFIGURED, NOW).appeal_by_on is None
    assert place(case("commercial"), UNCONFIGURED, NOW).appeal_by_on is None
    settled = place(case("medicare_advantage"), Payer("medicare_advantage_non_contract"), NOW)
    assert (settled.appeal_by_on, settled.deadline_on, settled.known_on) == (date(2026, 4, 7), date(2026, 4, 7), date(2026, 3, 1))


def test_an_edit_says_what_it_changed_and_refuses_what_makes_no_sense() -> None:
    before = case(deadline_on=DUE, team="night")
    told = Edit(assignee="jo", team=None, add_tags=("x",))
    after = edit(before, told, NOW.date())
    assert isinstance(after, Case)
    assert difference(before, after, told) == {"assignee": (None, "jo"), "team": ("night", None), "add_tags": ("x",)}
    for wrong, until, state in (
        ("snooze-in-the-past", NOW.date(), CaseState.OPEN),
        ("snooze-past-deadline", DUE + timedelta(days=1), CaseState.OPEN),
        ("not-on-worklist", DUE, CaseState.FILED),
    ):
        refused = edit(replace(before, state=state), Edit(snoozed_until=until), NOW.date())
        assert isinstance(refused, NotDone)
        assert refused.reason == wrong
