"""Scores beside each other, and which of them are too small to be shown to outsiders. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from services.analytics.kpis.figures import Figure

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
SMALL: Final = 11  # the cell size below which CMS shows nothing


class Score(Struct, frozen=True):
    """One key figure of one of them. `is_suppressed`: too few cases to be shown, or what others could be computed from."""

    kpi: str
    value: float | None
    numerator: int | None
    denominator: int | None
    before: float | None
    mean: float | None
    is_suppressed: bool = False


class Cases(Struct, frozen=True):
    """How many cases stand above and below a figure."""

    above: int
    below: int


def score(kpi: str, now: Figure, before: Figure | None, mean: Figure) -> Score:
    return Score(kpi, now.value, now.numerator, now.denominator, before.value if before else None, mean.value)


def suppressed(scores: Mapping[str, Score], cases: Mapping[str, Cases]) -> dict[str, Score]:
    """Return the scores of one key figure by key, without those that are too small.

    Small is from 1 to 10 cases above or below the line, or so few left between both. Where one alone would be missing it follows
    from the others and the mean: the smallest of those goes with it.
    """
    hidden = {key for key in scores if _is_small(cases[key])}
    if len(hidden) == 1 and len(scores) > 1:
        hidden.add(min(scores.keys() - hidden, key=lambda key: (cases[key].below, key)))
    return {key: _without(each) if key in hidden else each for key, each in scores.items()}


def _is_small(cases: Cases) -> bool:
    return any(0 < count < SMALL for count in (cases.above, cases.below, cases.below - cases.above))


def _without(each: Score) -> Score:
    return Score(each.kpi, None, None, None, None, each.mean, is_suppressed=True)


def keys(groups: Sequence[Mapping[str, Score]]) -> list[str]:
    """Return who has a score, in order; what is not known has no card."""
    return sorted({key for each in groups for key in each if key})
