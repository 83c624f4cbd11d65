"""Scorecards: what is too small to be shown, and what would follow from what is."""

from services.analytics.scorecards.scoring import Cases, Score, keys, suppressed


def scored(*names: str) -> dict[str, Score]:
    return {name: Score("initial-denial-rate", 0.5, 20, 40, 0.4, 0.3) for name in names}


def hidden(**cases: Cases) -> set[str]:
    told = suppressed(scored(*cases), cases)
    assert all(
        (each.value is None) == (each.numerator is None) == (each.before is None) == each.is_suppressed for each in told.values()
    )
    return {name for name, each in told.items() if each.is_suppressed}


def test_small_cells_are_left_out_whichever_side_is_small() -> None:
    large = Cases(20, 40)
    assert hidden(a=large, b=large) == set()
    assert hidden(a=Cases(3, 40), b=Cases(30, 40), c=large, d=Cases(4, 9)) == {"a", "b", "d"}
    assert hidden(a=Cases(0, 40), b=large) == set()


def test_one_that_would_follow_from_the_others_takes_the_smallest_with_it() -> None:
    assert hidden(a=Cases(3, 40), b=Cases(20, 60), c=Cases(20, 50)) == {"a", "c"}
    assert hidden(a=Cases(3, 40)) == {"a"}


def test_who_is_not_known_has_no_card() -> None:
    assert keys([scored("", "P2"), scored("P1")]) == ["P1", "P2"]
