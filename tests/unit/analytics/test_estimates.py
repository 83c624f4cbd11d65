"""What a reviewed sample says of all, held against sums made by hand, and against truths that a small seeded simulation knows."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import pytest
from scipy.stats import beta

from services.analytics.audits.estimating import Item, Share, by_denials, by_dollars
from services.analytics.audits.plans import Dimension, Method, Plan
from services.analytics.audits.sampling import Stratum, Unit, draw
from tests.bench.audits import audit

# Two and a half standard deviations of 150 trials of 0.95 to both sides; an interval that always holds the truth is too wide.
AUDITS, COVERED = 150, (0.905, 0.995)


def jeffreys(share: float, trials: float) -> Share:
    """Return Jeffreys' interval at 95 %, by the library."""
    errors = share * trials
    low, high = (float(beta.ppf(tail, errors + 0.5, trials - errors + 0.5)) for tail in (0.025, 0.975))
    return Share(share, low, high)


def is_alike(told: Share, wanted: Share) -> None:
    for name in ("value", "low", "high"):
        assert getattr(told, name) == pytest.approx(getattr(wanted, name), rel=1e-7), name


def units(*cents: int, payer: str = "P") -> list[Unit]:
    numbers = (UUID(int=sum(payer.encode()) * 1_000 + place) for place in range(len(cents)))
    return [
        Unit(each, each, payer, "", "", "", "other", "", told, date(2026, 1, 1)) for each, told in zip(numbers, cents, strict=True)
    ]


def plan(method: Method, confidence: float = 0.8, precision: float = 0.3) -> Plan:
    apart: Dimension | None = "payer" if method == "stratified" else None
    return Plan(method, "s", ("a", "b"), stratify_by=apart, confidence=confidence, precision=precision)


def test_what_is_drawn_keeps_its_spread_by_denials_and_by_dollars_apart() -> None:
    # Three of four, each with 3/4: 4 x (1/4)/(3/4) / 4^2, and (3 x 100^2 + 300^2) x (1/3) / 600^2.
    (simple,) = draw(plan("simple"), units(100, 100, 100, 300)).strata
    assert (simple.denials, simple.denied_cents, simple.drawn) == (4, 600, 3)
    assert simple.spread == pytest.approx(1 / 12)
    assert simple.spread_dollars == pytest.approx(1 / 9)
    # The large one is certain, two of the others are drawn with 2/3 each: 3 x (1/3)/(2/3) / 4^2, and 3 x 100^2 / 2 / 600^2.
    (dollars,) = draw(plan("dollar_unit"), units(100, 100, 100, 300)).strata
    assert dollars.drawn == 3
    assert dollars.spread == pytest.approx(3 / 32)
    assert dollars.spread_dollars == pytest.approx(1 / 24)


def test_strata_are_drawn_from_in_proportion_and_corrected_for_what_is_left() -> None:
    # 17 items of very many come to 12 of 30: 8 of 20, and 5 of 10, for so many each stratum has. (1 - 8/20)/8, (1 - 5/10)/5.
    many = [*units(*[100] * 20, payer="A"), *units(*[100] * 9, 1_100, payer="B")]
    sample = draw(plan("stratified", confidence=0.9, precision=0.2), many)
    first, second = sample.strata
    assert [(each.name, each.denials, each.denied_cents, each.drawn) for each in sample.strata] == [
        ("A", 20, 2_000, 8),
        ("B", 10, 2_000, 5),
    ]
    assert {each.stratum: each.probability for each in sample.items} == {"A": 0.4, "B": 0.5}
    assert first.spread == pytest.approx(0.075)
    assert first.spread_dollars == pytest.approx(0.075)
    assert second.spread == pytest.approx(0.1)
    assert second.spread_dollars == pytest.approx((9 * 100**2 + 1_100**2) / 2_000**2)


def drawn(stratum: str, probability: float, errors: Sequence[int], right: Sequence[int]) -> list[Item]:
    return [
        *(Item(stratum, probability, cents, True) for cents in errors),
        *(Item(stratum, probability, cents, False) for cents in right),
    ]


def test_a_stratified_sample_is_estimated_as_by_hand() -> None:
    """A: 10 of 100, two in error. B: 5 of 50, none. Each unit weighs 10; spreads are (1 - 1/10)/10 and (1 - 1/10)/5."""
    strata = [Stratum("A", 100, 10_000, 10, 0.09, 0.09), Stratum("B", 50, 10_000, 5, 0.18, 0.18)]
    items = [*drawn("A", 0.1, [100] * 2, [100] * 8), *drawn("B", 0.1, [], [200] * 5)]
    share = 2 / 3 * 0.2
    variance = (2 / 3) ** 2 * 0.09 + (1 / 3) ** 2 * 0.18
    seen = (2 / 3) ** 2 * 0.9 * (2 * 0.8**2 + 8 * 0.2**2) * 10 / 9 / 10**2  # of A; B's items do not differ
    effect = (2 * seen / (variance * share * (1 - share)) + 10) / (2 + 10)
    assert effect == pytest.approx(1.0042735)
    is_alike(by_denials(strata, items, 0.95), jeffreys(share, 1 / (variance * effect)))
    # By dollars each stratum is half of all.
    share, variance = 0.5 * 0.2, 0.5**2 * 0.09 + 0.5**2 * 0.18
    seen = 0.5**2 * 0.9 * (2 * 0.8**2 + 8 * 0.2**2) * 10 / 9 / 10**2
    effect = (2 * seen / (variance * share * (1 - share)) + 10) / (2 + 10)
    is_alike(by_dollars(strata, items, 0.95), jeffreys(share, 1 / (variance * effect)))


def test_a_dollar_unit_sample_is_estimated_as_by_hand() -> None:
    """One of 6,000 is certain and right; of 40 of 100 each, 8 are drawn with 1/5 each, and three are in error: 1,500 of 10,000."""
    strata = [Stratum("", 41, 10_000, 9, 0.0, 40 * 100**2 * 4 / 10_000**2)]
    items = [*drawn("", 1.0, [], [6_000]), *drawn("", 0.2, [100] * 3, [100] * 5)]
    share, variance = 0.15, 0.016
    # The certain one says nothing of what was not drawn; each of the others weighs 500 of 10,000.
    seen = (3 * 0.85**2 + 5 * 0.15**2) * 500**2 * 0.8 / 10_000**2 * 9 / 8
    expected = 8 * 500**2 * 0.8 / 10_000**2 * share * (1 - share)
    effect = (3 * seen / expected + 10) / (3 + 10)
    assert effect == pytest.approx(1.3495475)
    is_alike(by_dollars(strata, items, 0.95), jeffreys(share, 1 / (variance * effect)))


@pytest.mark.parametrize("method", ["simple", "stratified", "dollar_unit", "risk_weighted"])
def test_an_interval_holds_the_truth_as_often_as_it_says(method: Method) -> None:
    found = [audit(method, seed) for seed in range(AUDITS)]
    covered = {of: sum(each[of][0] for each in found) / AUDITS for of in found[0]}
    least, most = COVERED
    assert all(least <= share <= most for share in covered.values()), covered
    assert covered.keys() == ({"dollars"} if method == "dollar_unit" else {"dollars", "denials"})
