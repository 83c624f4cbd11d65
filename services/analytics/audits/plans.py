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
