"""What is done about a root cause: an action, from its plan to its end, and whether it worked.

Whether it worked is asked of the data: claims that the cause is about, before and after, beside other claims over the same days
(difference in differences), so that what changed for everybody is not taken for the action's doing.
"""

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, Literal

from msgspec import Struct

from services.analytics.causes.statistics import Z_95

State = Literal["planned", "started", "done", "cancelled"]
Step = Literal["start", "finish", "cancel", "reopen"]
Verdict = Literal["worked", "made_it_worse", "not_seen", "too_few"]

TRANSITIONS: Final[Mapping[tuple[State, Step], State]] = {
    ("planned", "start"): "started",
    ("planned", "finish"): "done",
    ("planned", "cancel"): "cancelled",
    ("started", "finish"): "done",
    ("started", "cancel"): "cancelled",
    ("done", "reopen"): "started",
    ("cancelled", "reopen"): "planned",
}
CLAIMS_MIN: Final = 20  # in each of the four groups: below it nothing is said
_APART: Final = 3.0  # standard errors by which the two groups may move apart before the action


class Counts(Struct, frozen=True):
    """Claims, and how many of them are refused for the category."""

    claims: int = 0
    refused: int = 0

    @property
    def rate(self) -> float | None:
        return self.refused / self.claims if self.claims else None

    def plus(self, other: "Counts") -> "Counts":
        return Counts(self.claims + other.claims, self.refused + other.refused)


class Observed(Struct, frozen=True):
    """The claims of a cause, or those beside it: of the first and the second half of the days before, and after."""

    early: Counts = Counts()
    late: Counts = Counts()
    after: Counts = Counts()

    @property
    def before(self) -> Counts:
        return self.early.plus(self.late)


class Effect(Struct, frozen=True):
    """By how much the rate changed beyond what changed beside it; `low` and `high` bound it (95 %). Negative: fewer are refused.

    `apart_before`: the two moved apart before the action already, so the comparison is doubtful; None: too few to say.
    """

    verdict: Verdict
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    avoided_claims: float | None = None
    apart_before: bool | None = None


def windows(effective_on: date, days: int, began_on: date | None) -> tuple[date, date, date]:
    """Return the first day before, the day that halves the days before, and the day after the last one."""
    first = effective_on - timedelta(days=days)
    if began_on is not None:
        first = max(first, min(began_on, effective_on - timedelta(days=2)))
    return first, first + (effective_on - first) / 2, effective_on + timedelta(days=days)


def effect(treated: Observed, beside: Observed) -> Effect:
    """Compare before and after, with the cause and beside it."""
    four = (treated.before, treated.after, beside.before, beside.after)
    if min(each.claims for each in four) < CLAIMS_MIN:
        return Effect("too_few")
    difference, error = _difference(*four)
    low, high = difference - Z_95 * error, difference + Z_95 * error
    verdict: Verdict = "worked" if high < 0 else "made_it_worse" if low > 0 else "not_seen"
    apart = None
    halves = (treated.early, treated.late, beside.early, beside.late)
    if min(each.claims for each in halves) >= CLAIMS_MIN:
        moved, moved_error = _difference(*halves)
        apart = abs(moved) > _APART * moved_error
    return Effect(verdict, round(difference, 6), round(low, 6), round(high, 6), round(-difference * treated.after.claims, 1), apart)


def _difference(before: Counts, after: Counts, before_beside: Counts, after_beside: Counts) -> tuple[float, float]:
    """Return the difference of the two differences, and its standard error."""
    told = (after.rate or 0) - (before.rate or 0) - ((after_beside.rate or 0) - (before_beside.rate or 0))
    # One more of each kind, so that a rate of nothing is not taken for certain (Agresti and Caffo).
    variance = 0.0
    for each in (before, after, before_beside, after_beside):
        rate = (each.refused + 1) / (each.claims + 2)
        variance += rate * (1 - rate) / (each.claims + 2)
    return told, math.sqrt(variance)
