"""Whether an action worked is asked of the data."""

from datetime import date
from random import Random

import pytest

from services.analytics.causes.actions import Counts, Observed, effect, windows

ON = date(2026, 3, 1)


def seen(before: float, after: float, claims: int = 200) -> Observed:
    half = Counts(claims // 2, round(claims // 2 * before))
    return Observed(half, half, Counts(claims, round(claims * after)))


def test_a_fall_beyond_what_fell_beside_it_is_the_actions_doing() -> None:
    found = effect(seen(0.6, 0.05), seen(0.06, 0.05))
    assert (found.verdict, found.apart_before) == ("worked", False)
    assert found.difference == pytest.approx(-0.54)
    assert found.low is not None
    assert found.high is not None
    assert found.low < -0.54 < found.high < 0
    assert found.avoided_claims == 108


def test_a_fall_everywhere_is_not_the_actions_doing() -> None:
    assert effect(seen(0.5, 0.2), seen(0.5, 0.2)).verdict == "not_seen"
    assert effect(seen(0.1, 0.4), seen(0.1, 0.1)).verdict == "made_it_worse"
    assert effect(seen(0.6, 0.0, claims=10), seen(0.1, 0.1)).verdict == "too_few"
    assert effect(Observed(), Observed()).verdict == "too_few"


def test_groups_that_moved_apart_before_are_said_to() -> None:
    moved = Observed(Counts(200, 20), Counts(200, 120), Counts(200, 20))
    assert effect(moved, seen(0.1, 0.1)).apart_before is True
    assert effect(Observed(Counts(5, 1), Counts(200, 100), Counts(200, 20)), seen(0.1, 0.1)).apart_before is None


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    draw = Random(5)

    def drawn(rate: float, claims: int) -> Counts:
        return Counts(claims, sum(draw.random() < rate for _ in range(claims)))

    covered = 0
    for _ in range(1_000):
        found = effect(
            Observed(drawn(0.4, 30), drawn(0.4, 30), drawn(0.25, 60)), Observed(drawn(0.1, 60), drawn(0.1, 60), drawn(0.08, 120))
        )
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= -0.13 <= found.high
    assert 0.93 <= covered / 1_000 <= 0.97


def test_days_before_the_cause_began_are_not_held_against_the_action() -> None:
    assert windows(ON, 90, None) == (date(2025, 12, 1), date(2026, 1, 15), date(2026, 5, 30))
    assert windows(ON, 90, date(2026, 2, 1)) == (date(2026, 2, 1), date(2026, 2, 15), date(2026, 5, 30))
    assert windows(ON, 90, date(2027, 1, 1))[0] == date(2026, 2, 27)
