"""Audits: how often the interval of an audit holds the truth that it does not know.

`python -m tests.bench audits [--audits N]`

2,000 audits for each method of drawing, each of another population: 300 to 2,000 denials of 2 to 6 categories with their own error
rates, skewed amounts (log-normal), errors that lean towards large or small denials, and rules that are surer where they are right.
Every denial is known to be in error or not; the audit sees its sample alone. An interval of 95 % should hold the truth in 93 to
97 % of them, by denials and by dollars.
"""

import argparse
import math
import random
import time
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.analytics.audits.estimating import Item, Share, by_denials, by_dollars
from services.analytics.audits.plans import Method, Plan
from services.analytics.audits.sampling import Unit, draw
from tests.bench.meter import tell

_METHODS: tuple[Method, ...] = ("simple", "stratified", "dollar_unit", "risk_weighted")
_CONFIDENCES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


def population(chance: random.Random) -> tuple[list[Unit], list[bool]]:
    """Draw denials, and which of them are in error."""
    count = int(math.exp(chance.uniform(math.log(300), math.log(2_000))))
    rates = [chance.betavariate(1.2, 8) for _ in range(chance.randint(2, 6))]
    weights = [chance.random() + 0.2 for _ in rates]
    spread, lean = chance.uniform(0.4, 1.3), chance.uniform(-0.3, 0.5)
    units, errors = [], []
    for category in chance.choices(range(len(rates)), weights, k=count):
        size = chance.gauss(0, 1)
        confidence = chance.choice(_CONFIDENCES)
        cents = max(1, int(20_000 * math.exp(spread * size)))
        named = UUID(int=chance.getrandbits(128))
        units.append(Unit(named, named, "", "", "", "", str(category), "", cents, date(2026, 1, 1), confidence))
        errors.append(chance.random() < min(0.95, rates[category] * math.exp(lean * size) * (2.2 - 1.5 * confidence)))
    return units, errors


def _holds(share: Share, truth: float) -> bool:
    return share.low - 1e-12 <= truth <= share.high + 1e-12


def audit(method: Method, seed: int) -> dict[str, tuple[bool, float]]:
    """Do one audit; return whether each interval holds the truth, and its width."""
    chance = random.Random(seed)
    units, errors = population(chance)
    wrong = {unit.denial_id for unit, is_error in zip(units, errors, strict=True) if is_error}
    plan = Plan(
        method,
        str(seed),
        ("a", "b"),
        stratify_by="category" if method == "stratified" else None,
        precision=chance.choice((0.03, 0.05, 0.08, 0.1)),
        expected_rate=chance.choice((0.1, 0.2, 0.5)),
    )
    sample = draw(plan, units)
    items = [Item(each.stratum, each.probability, each.unit.denied_cents, each.unit.denial_id in wrong) for each in sample.items]
    shares = {"dollars": (by_dollars(sample.strata, items, plan.confidence), _share(units, wrong))}
    if method != "dollar_unit":
        shares["denials"] = (by_denials(sample.strata, items, plan.confidence), len(wrong) / len(units))
    return {of: (_holds(share, truth), share.high - share.low) for of, (share, truth) in shares.items()}


def _share(units: Sequence[Unit], wrong: set[UUID]) -> float:
    return sum(unit.denied_cents for unit in units if unit.denial_id in wrong) / sum(unit.denied_cents for unit in units)


def main(arguments: list[str] | None = None) -> None:
    asking = argparse.ArgumentParser(prog="python -m tests.bench audits")
    asking.add_argument("--audits", type=int, default=2_000)
    asked = asking.parse_args(arguments)
    told: dict[str, float] = {"audits_each": asked.audits}
    begun = time.process_time()
    for method in _METHODS:
        found = [audit(method, seed) for seed in range(asked.audits)]
        for of in found[0]:
            told[f"{method}_{of}_covered"] = round(sum(each[of][0] for each in found) / asked.audits, 4)
            told[f"{method}_{of}_width"] = round(sum(each[of][1] for each in found) / asked.audits, 3)
    told["cpu_seconds"] = round(time.process_time() - begun, 1)
    tell("audits", told)


if __name__ == "__main__":
    main()
