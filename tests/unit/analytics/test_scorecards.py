"""Scorecards: as outsiders see them."""

from services.analytics.scorecards.scoring import Score, keys, shared
from services.analytics.small_cells import Withheld

NOTHING = Withheld(frozenset(), whole=False)


def scored(*names: str) -> dict[str, Score]:
    return {name: Score("initial-denial-rate", 0.5, 20, 40, 0.4, 0.3) for name in names}


def test_what_is_withheld_of_a_period_is_shown_nowhere() -> None:
    told = shared(scored("P1", "P2", "P3"), Withheld({"P1", "P2"}, whole=False), NOTHING)
    missing = Score("initial-denial-rate", None, None, None, None, 0.3, is_suppressed=True)
    assert told == {**scored("P3"), "P1": missing, "P2": missing}
    assert {each.mean for each in shared(scored("P1"), Withheld({"P1"}, whole=True), NOTHING).values()} == {None}


def test_what_its_own_card_withheld_of_the_period_before_is_no_comparison_either() -> None:
    told = shared(scored("P1", "P2"), NOTHING, Withheld({"P1"}, whole=True))
    assert told == {"P1": Score("initial-denial-rate", 0.5, 20, 40, None, 0.3), **scored("P2")}
    assert shared(scored("P1", "P2"), NOTHING, NOTHING) == scored("P1", "P2")


def test_who_is_not_known_has_no_card() -> None:
    assert keys([scored("", "P2"), scored("P1")]) == ["P1", "P2"]
