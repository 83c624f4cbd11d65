"""What an audit is planned to be: of which denials, drawn how, how many, reviewed by whom. Pure."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from statistics import NormalDist
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from services.analytics.cadence import Cadence, ended

Method = Literal["simple", "stratified", "dollar_unit", "risk_weighted"]
Basis = Literal["payment", "known"]
Dimension = Literal["payer", "facility", "provider", "service_group", "category"]
ITEMS_MAX: Final = 10_000
_ITEMS_MIN: Final = 2


class Plan(Struct, frozen=True):
    """`first`, `last`: days, included; None: open. `date_basis`: which days these are: of payment, or since when a denial is known.
    `filters`: by dimension, the values of which one has to fit.

    `former`: who reviewed before, and in whose place of the two: what they said counts.
    `precision`: half the width that the interval of the error rate should have, at `confidence`, if the rate is `expected_rate`.
    """

    method: Method
    seed: str
    reviewers: tuple[str, str]
    first: date | None = None
    last: date | None = None
    filters: Mapping[Dimension, Sequence[str]] = {}
    stratify_by: Dimension | None = None
    confidence: float = 0.95
    precision: float = 0.05
    expected_rate: float = 0.5
    date_basis: Basis = "payment"
    former: Mapping[str, int] = {}

    def place_of(self, person: str) -> int | None:
        """Return which of the two reviewers somebody is, or was; None: neither."""
        return self.reviewers.index(person) if person in self.reviewers else self.former.get(person)

    def names_of(self, reviewer: str) -> list[str]:
        """Return who has, and who had, the place of one of the two; nobody where they are none of these."""
        place = self.place_of(reviewer) if reviewer in self.reviewers else None
        return [each for each in (*self.reviewers, *self.former) if place is not None and self.place_of(each) == place]


class CannotSucceed(Exception):  # noqa: N818 - the fact is the name
    """There is no such change of reviewers. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def succeed(plan: Plan, reviewer: str, successor: str) -> Plan:
    """Return the plan with another person in the place of a reviewer. Errors: CannotSucceed."""
    if reviewer not in plan.reviewers:
        raise CannotSucceed("not_a_reviewer")
    place = plan.reviewers.index(reviewer)
    if plan.place_of(successor) not in (None, place) or successor == reviewer:
        raise CannotSucceed("reviews_already")  # nobody is both: an item would have one person's two reviews
    first, second = (successor if each == reviewer else each for each in plan.reviewers)
    former = {name: each for name, each in plan.former.items() if name != successor}
    return replace(plan, reviewers=(first, second), former={**former, reviewer: place})


def size(plan: Plan, population: int, design_effect: float = 1.0) -> int:
    """Return how many of a population to draw, finite-population corrected; all of a small one.

    `design_effect`: by how much the variance is larger than that of a simple sample, where chances differ.
    """
    score = NormalDist().inv_cdf(0.5 + plan.confidence / 2)
    wanted = score**2 * plan.expected_rate * (1 - plan.expected_rate) / plan.precision**2 * design_effect
    corrected = wanted / (1 + max(wanted - 1, 0.0) / max(population, 1))
    return min(population, max(_ITEMS_MIN, math.ceil(corrected - 1e-9)), ITEMS_MAX)


def plan_for(plan: Plan, cadence: Cadence, due_on: date) -> Plan:
    """Return the plan of the audit that is due: of what came to be known in the period that ended, with a seed of its own.

    A payment is often told of days after its date: by payment days, what is told after its period's end would be in no audit.
    """
    first, last = ended(cadence, due_on)
    return replace(plan, date_basis="known", first=first, last=last, seed=f"{plan.seed}:{due_on.isoformat()}")
