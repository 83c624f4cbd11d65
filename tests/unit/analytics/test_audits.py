"""Samples that anybody can draw again, what they say of all, and how two reviewers agree."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from scipy.stats import beta

from services.analytics.audits.estimating import Item, by_denials, by_dollars
from services.analytics.audits.plans import CannotSucceed, Plan, plan_for, size, succeed
from services.analytics.audits.population import units
from services.analytics.audits.quantiles import beta_quantile
from services.analytics.audits.results import Reviewed, results
from services.analytics.audits.reviewing import Verdict, agreement, judge
from services.analytics.audits.sampling import CannotDraw, Stratum, Unit, draw, inclusion
from services.analytics.cadence import Cadence, after, begin_of
from services.analytics.facts import Fact
from tests.unit.analytics.facts import claim, denial, on, remit

YES, NO = Verdict(True, True, True), Verdict(False, True, True, "duplicate", "none")


def plan(**told: Any) -> Plan:
    return Plan(**{"method": "simple", "seed": "s", "reviewers": ("a", "b"), "precision": 0.1, **told})


def population(count: int, **told: Any) -> list[Unit]:
    usual: dict[str, Any] = {"payer": "P", "facility": "F", "provider": "D", "service_group": "G", "category": "other"}
    usual |= {"action": "appeal", "denied_cents": 100, "payment_on": date(2026, 1, 1), "confidence": 0.9, **told}
    return [Unit(denial_id=uuid5(UUID(int=0), str(place)), claim_key=UUID(int=place), **usual) for place in range(count)]


def test_the_size_follows_from_confidence_and_precision_and_the_population() -> None:
    assert size(plan(precision=0.05), 10**9) == 385  # the textbook's
    assert size(plan(precision=0.05), 500) == 218
    assert size(plan(precision=0.05, expected_rate=0.1), 10**9) == 139
    assert (size(plan(), 3), size(plan(), 1)) == (3, 1)
    assert size(plan(precision=0.01, confidence=0.99), 10**9) == 10_000


def test_a_sample_does_not_depend_on_order_and_what_was_drawn_stays_when_more_comes() -> None:
    many = population(500)
    first = [each.unit.denial_id for each in draw(plan(), many).items]
    assert [each.unit.denial_id for each in draw(plan(), many[::-1]).items] == first
    assert [each.unit.denial_id for each in draw(plan(seed="t"), many).items] != first
    more = {each.unit.denial_id for each in draw(plan(), population(520)).items}
    assert len(more & set(first)) >= len(first) - 5


def test_chances_follow_sizes_and_what_would_have_more_than_all_is_certain() -> None:
    assert inclusion([1, 1, 2], 1) == [0.25, 0.25, 0.5]
    assert inclusion([1, 1, 98], 2) == [0.5, 0.5, 1.0]
    assert inclusion([1, 2], 5) == [1.0, 1.0]
    assert sum(inclusion([3.0**place for place in range(12)], 7)) == pytest.approx(7)


def test_a_large_denial_is_always_in_a_dollar_unit_sample_and_one_of_nothing_never() -> None:
    many = population(300)
    large = Unit(UUID(int=1), UUID(int=1), "P", "", "", "", "other", "", 10**7, date(2026, 1, 1))
    nothing = [Unit(UUID(int=place), UUID(int=1), "P", "", "", "", "other", "", 0, date(2026, 1, 1)) for place in range(2, 99)]
    sample = draw(plan(method="dollar_unit"), [*many, large, *nothing])
    assert next(each for each in sample.items if each.unit == large).probability == 1.0
    assert all(each.unit.denied_cents for each in sample.items)
    assert sample.strata[0].denials == 301


def test_every_stratum_is_drawn_from_and_risk_is_drawn_more_often() -> None:
    parts = [*population(1_000, payer="P1"), *[each for each in population(1_020, payer="P2") if each.claim_key.int >= 1_000]]
    sample = draw(plan(method="stratified", stratify_by="payer"), parts)
    assert [(each.name, each.denials, each.drawn >= 5) for each in sample.strata] == [("P1", 1_000, True), ("P2", 20, True)]
    risky = [each if each.claim_key.int % 2 else Unit(*_with_confidence(each, 0.2)) for each in population(2_000)]
    chances = {each.unit.confidence: each.probability for each in draw(plan(method="risk_weighted"), risky).items}
    assert chances[0.2] == pytest.approx(8 * chances[0.9])


def _with_confidence(unit: Unit, confidence: float) -> list[Any]:
    return [*(getattr(unit, name) for name in unit.__struct_fields__[:-1]), confidence]


@pytest.mark.parametrize(
    ("many", "told", "reason"),
    [
        ([], {}, "population_empty"),
        (population(3, denied_cents=0), {"method": "dollar_unit"}, "population_empty"),
        ([each for n in range(51) for each in population(1, payer=str(n))], {"stratify_by": "payer"}, "too_many_strata"),
    ],
)
def test_what_cannot_be_drawn_says_why(many: list[Unit], told: Any, reason: str) -> None:
    with pytest.raises(CannotDraw) as refused:
        draw(plan(**told), many)
    assert refused.value.reason == reason


def test_a_population_is_what_stood_that_evening() -> None:
    facts: list[Fact] = [claim(), remit(), denial(action="appeal"), denial(version=2, is_active=False, known_on=on(40))]
    (unit,) = units(plan(), on(30), UUID(int=9), facts)
    assert (unit.facility, unit.provider, unit.action, unit.denied_cents) == ("F1", "D1", "appeal", 10_000)
    assert units(plan(), on(10), UUID(int=9), facts) == units(plan(), on(40), UUID(int=9), facts) == []
    assert units(plan(first=on(21)), on(30), UUID(int=9), facts) == units(plan(last=on(19)), on(30), UUID(int=9), facts) == []
    assert units(plan(filters={"provider": ["D2"]}), on(30), UUID(int=9), facts) == []
    assert units(plan(filters={"provider": ["D2", "D1"]}), on(30), UUID(int=9), facts) == [unit]


def test_days_of_a_population_are_those_of_payment_or_those_since_which_a_denial_stands() -> None:
    facts: list[Fact] = [claim(), remit(), denial(action="appeal", known_on=on(22)), denial(version=2, known_on=on(30))]

    def is_in(first: int, last: int, as_of: int = 60) -> bool:
        return bool(units(plan(date_basis="known", first=on(first), last=on(last)), on(as_of), UUID(int=9), facts))

    assert is_in(22, 22)
    assert not is_in(0, 21, as_of=21), "the payment is of day 20, and nobody knew"
    assert not is_in(23, 60), "a correction is no new denial"
    facts += [denial(version=3, is_active=False, known_on=on(35)), denial(version=4, known_on=on(40))]
    assert is_in(22, 22, as_of=34)
    assert not is_in(22, 39)
    assert is_in(40, 40), "it was taken back, and stands anew"


def stratum(name: str, denials: int, drawn: int, denied_cents: int = 1_000) -> Stratum:
    spread = (1 / drawn - 1 / denials) if drawn else 1.0
    return Stratum(name, denials, denied_cents, drawn, spread, spread)


def test_no_error_found_is_not_no_error_there_and_a_census_knows() -> None:
    none = by_denials([stratum("", 10**6, 100)], [Item("", 0.0001, 100, False)] * 100, 0.95)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(0.0247, abs=0.0005)  # Jeffreys'
    every = by_denials([stratum("", 10**6, 100)], [Item("", 0.0001, 100, True)] * 100, 0.95)
    assert (every.value, every.high, round(every.low, 4)) == (1.0, 1.0, round(1 - none.high, 4))
    census = [Item("", 1.0, 100, place < 2) for place in range(10)]
    told = by_denials([stratum("", 10, 10)], census, 0.95)
    assert (told.value, told.low, told.high) == (0.2, 0.2, 0.2)


def test_strata_and_chances_are_weighed() -> None:
    items = [Item("a", 0.1, 100, place < 5) for place in range(10)] + [Item("b", 0.01, 100, False) for _ in range(10)]
    told = by_denials([stratum("a", 100, 10), stratum("b", 900, 10)], items, 0.95)
    assert told.value == pytest.approx(0.05)
    assert told.low < 0.05 < told.high < 0.4
    unequal = [Item("", 0.5, 100, True), Item("", 0.1, 900, False)]
    assert by_denials([stratum("", 12, 2)], unequal, 0.95).value == pytest.approx(2 / 12)
    assert by_dollars([stratum("", 12, 2, 9_200)], unequal, 0.95).value == pytest.approx(200 / 9_200)
    unseen = by_denials([stratum("a", 100, 10), stratum("c", 100, 0)], items[:10], 0.95)
    assert unseen.high - unseen.low > 0.5


def test_an_interval_keeps_to_what_was_seen() -> None:
    mostly_seen = [Item("", 0.9, 100, place < 10) for place in range(90)]
    told = by_denials([Stratum("", 100, 10_000, 90, 0.001, 0.001)], mostly_seen, 0.95)
    assert 0.1 <= told.low < told.value < told.high <= 0.2
    one_large = [Item("", 0.5, 9_000, True), Item("", 0.5, 100, False)]
    assert by_dollars([Stratum("", 4, 9_200, 2, 0.25, 0.5)], one_large, 0.95).low >= 9_000 / 9_200


def test_two_who_agree_end_an_item_and_notes_are_their_own() -> None:
    assert judge([]) == ("open", None)
    assert judge([YES]) == ("reviewing", None)
    assert judge([YES, Verdict(True, True, True, note="seen")]) == ("agreed", YES)
    assert judge([YES, NO]) == judge([NO, Verdict(False, True, True, "other", "none")]) == ("disputed", None)


def test_a_successor_takes_a_place_and_nobody_takes_both() -> None:
    succeeded = succeed(plan(), "b", "c")
    assert (succeeded.reviewers, succeeded.former) == (("a", "c"), {"b": 1})
    assert [succeeded.place_of(each) for each in "abcd"] == [0, 1, 1, None]
    assert succeed(succeeded, "c", "b").reviewers == ("a", "b"), "who left may come back"
    twice = succeed(succeeded, "c", "d")
    assert (twice.reviewers, twice.former) == (("a", "d"), {"b": 1, "c": 1})
    for reviewer, successor, reason in (
        ("x", "d", "not_a_reviewer"),
        ("b", "d", "not_a_reviewer"),
        ("c", "a", "reviews_already"),
        ("a", "b", "reviews_already"),
        ("a", "a", "reviews_already"),
    ):
        with pytest.raises(CannotSucceed) as refused:
            succeed(succeeded, reviewer, successor)
        assert refused.value.reason == reason


def test_agreement_is_of_two_places_whoever_had_them() -> None:
    succeeded = succeed(plan(), "b", "c")
    (unit, *_) = population(1)
    told = [{"a": YES, "b": NO}, {"a": YES, "c": YES}, {"a": NO, "c": NO}, {"a": YES, "c": YES}]
    reviewed = [Reviewed(unit, "", 1.0, YES, reviews) for reviews in told]
    (classification, *_) = results(succeeded, [stratum("", 4, 4)], reviewed).agreement
    assert (classification.items, classification.agreed) == (4, 3)
    assert classification.kappa == pytest.approx(0.5)


def test_kappa_is_agreement_beyond_chance() -> None:
    pairs = [(YES, YES)] * 20 + [(YES, NO)] * 5 + [(NO, YES)] * 10 + [(NO, NO)] * 15
    told = agreement(pairs, "classification")
    assert (told.items, told.agreed) == (50, 35)
    assert told.kappa == pytest.approx(0.4)  # the textbook's
    assert agreement([(YES, YES)], "classification").kappa is None
    assert agreement([], "code").items == 0
    assert agreement([(YES, NO), (NO, YES)], "classification").kappa == -1.0


@pytest.mark.parametrize(
    ("cadence", "first", "following"),
    [
        ("weekly", date(2026, 3, 30), date(2026, 4, 6)),
        ("monthly", date(2026, 3, 1), date(2026, 4, 1)),
        ("quarterly", date(2026, 1, 1), date(2026, 4, 1)),
    ],
)
def test_a_schedule_is_of_whole_weeks_months_and_quarters(cadence: Cadence, first: date, following: date) -> None:
    assert begin_of(cadence, date(2026, 3, 31)) == first
    assert after(cadence, first) == following
    due = plan_for(plan(), cadence, following)
    assert (due.first, due.last, due.date_basis) == (first, following - timedelta(days=1), "known")
    assert due.seed != plan_for(plan(), cadence, after(cadence, following)).seed
    assert after("monthly", date(2026, 12, 1)) == after("quarterly", date(2026, 10, 1)) == date(2027, 1, 1)


@pytest.mark.parametrize("a", [0.5, 3.5, 40.25, 200_000.5])
@pytest.mark.parametrize("b", [0.5, 7.0, 250.5, 3_000_000.5])
def test_quantiles_are_those_of_the_library_that_would_cost_the_memory(a: float, b: float) -> None:
    for p in (0.005, 0.05, 0.5, 0.975, 0.995):
        assert beta_quantile(p, a, b) == pytest.approx(float(beta.ppf(p, a, b)), rel=1e-7)
