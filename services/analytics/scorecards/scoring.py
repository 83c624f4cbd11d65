"""Scores beside each other, and as outsiders see them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from services.analytics.kpis.figures import Figure
from services.analytics.small_cells import Withheld

By = Literal["payer", "provider", "facility", "coder"]
# Shares and times alone: they compare the large with the small.
SCORED: Final = (
    "initial-denial-rate",
    "initial-denial-rate-dollars",
    "first-pass-rate",
    "clean-claim-rate",
    "rejection-rate",
    "preventable-share",
    "overturn-rate",
    "overturn-rate-dollars",
    "days-to-appeal",
    "days-to-decision",
    "payer-response-days",
    "appeals-in-time",
)


class Score(Struct, frozen=True):
    """One key figure of one of them. `is_suppressed`: too few cases to be shown, or what others could be computed from."""

    kpi: str
    value: float | None
    numerator: int | None
    denominator: int | None
    before: float | None
    mean: float | None
    is_suppressed: bool = False


def score(kpi: str, now: Figure, before: Figure | None, mean: Figure) -> Score:
    return Score(kpi, now.value, now.numerator, now.denominator, before.value if before else None, mean.value)


def shared(scores: Mapping[str, Score], now: Withheld, before: Withheld) -> dict[str, Score]:
    """Return the scores of one key figure by key, as outsiders see them: without what is withheld of either period.

    What is withheld of the period before is what its own card withheld: two cards in a row tell no more than each.
    """
    return {key: _as_shown(each, key in now.keys, key in before.keys, now.whole) for key, each in scores.items()}


def _as_shown(each: Score, is_out: bool, was_out: bool, without_mean: bool) -> Score:
    mean = None if without_mean else each.mean
    if is_out:
        return Score(each.kpi, None, None, None, None, mean, is_suppressed=True)
    return replace(each, before=None if was_out else each.before, mean=mean)


def keys(groups: Sequence[Mapping[str, Score]]) -> list[str]:
    """Return who has a score, in order; what is not known has no card."""
    return sorted({key for each in groups for key in each if key})
