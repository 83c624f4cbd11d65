"""The odds of overturn, held against the best that can be: outcomes drawn with a known probability.

A part of `python -m tests.bench insight`. Payers, categories and codes differ, and pairs of payer and code; beside what the table
of odds looks at, amounts, remarks and the age of a service count too, and some of it only together. `best` is the AUC of the true
probability. Then two payers change their minds, and what was learned before and anew is measured on what comes after.
"""

import argparse
import math
import random
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from msgspec.structs import replace

from services.classifier.models.told import Fitted
from services.classifier.odds import boosting
from services.classifier.odds.evaluation import auc, quality
from services.classifier.odds.fitting import fit
from services.classifier.odds.handlers import LOST_AFTER
from services.classifier.odds.learning import learn
from services.classifier.odds.outcomes import Circumstances, Outcome, Subject
from services.classifier.odds.table import Odds, Table, logit_of, odds_of

FIRST_ON: Final = date(2025, 1, 1)
DAYS: Final = 540
_KINDS: Final = ("commercial", "medicare", "medicare_advantage", "medicaid", "marketplace")
_CODES: Final = {
    "authorization": ("197", "198", "15"),
    "medical_necessity": ("50", "151"),
    "coding_bundling": ("97", "4", "236"),
    "missing_information": ("16", "252"),
    "timely_filing": ("29",),
    "coordination_of_benefits": ("22",),
    "non_covered": ("96", "204"),
    "eligibility_coverage": ("27",),
}
_REMARKS: Final = ("", "N115", "N706", "M76", "N130")
_APPEALED: Final = frozenset({"authorization", "medical_necessity", "timely_filing", "non_covered", "eligibility_coverage"})

_SILENT_SHARE: Final = 0.6

Drawn = tuple[Outcome, float]


class World:
    """What truly decides: drawn once."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.payers = [f"PAYER{place:02}" for place in range(14)]
        self.kind = {payer: draw.choice(_KINDS) for payer in self.payers}
        codes = [carc for told in _CODES.values() for carc in told]
        self.effect: dict[Any, float] = {payer: draw.gauss(0, 0.5) for payer in self.payers}
        self.effect |= {category: draw.gauss(0, 0.5) for category in _CODES}
        self.effect |= {carc: draw.gauss(0, 0.3) for carc in codes}
        self.effect |= {(payer, carc): draw.gauss(0, 0.3) for payer in self.payers for carc in codes}
        self.effect |= {remark: draw.gauss(0, 0.4) for remark in _REMARKS}

    def outcomes(self, seed: int, count: int, shift_on: date | None = None) -> list[Drawn]:
        draw = random.Random(seed)
        weights = [1 / (place + 1) for place in range(len(self.payers))]
        return [self._one(draw, draw.choices(self.payers, weights)[0], shift_on) for _ in range(count)]

    def _one(self, draw: random.Random, payer: str, shift_on: date | None) -> Drawn:
        category = draw.choice(list(_CODES))
        carc, remark = draw.choice(_CODES[category]), draw.choice(_REMARKS)
        decided_on = FIRST_ON + timedelta(days=draw.randrange(DAYS))
        cents, age = round(draw.lognormvariate(10, 1)), draw.randrange(10, 300)
        logit = 0.2 + sum(self.effect[each] for each in (payer, category, carc, (payer, carc), remark))
        logit -= 0.35 * (math.log(cents) - 10)  # the dearer, the harder
        if category == "timely_filing":
            logit -= 0.008 * (age - 90)
        if remark == "N115" and category == "medical_necessity":
            logit -= 0.8
        if shift_on is not None and decided_on >= shift_on:
            logit += {"PAYER00": -1.8, "PAYER01": 1.5}.get(payer, 0.0)
        true = 1 / (1 + math.exp(-logit))
        won = draw.random() < true
        level = "first_level" if category in _APPEALED else "correct_and_resubmit"
        subject = Subject(payer, self.kind[payer], "professional", level, category, carc)
        known = Circumstances("CO", (remark,) if remark else (), cents, cents * 2, 0, age)
        return Outcome(subject, won, cents, round(cents * 0.6) if won else 0, decided_on, known), true


def said(table: Table, model: boosting.Scorer | None, drawn: Sequence[Drawn]) -> list[float]:
    """Return what the table says, or a model that begins at it."""
    if model is None:
        return [odds_of(table, each.subject).probability for each, _ in drawn]
    begin = [logit_of(table, each.subject) for each, _ in drawn]
    logits = model.logits([(each.subject, each.circumstances) for each, _ in drawn], begin)
    return [1 / (1 + math.exp(-logit)) for logit in logits]


def held(name: str, scores: Sequence[float], drawn: Sequence[Drawn]) -> dict[str, float]:
    found = quality(name, [each for each, _ in drawn], scores)
    best = auc([each.won for each, _ in drawn], [true for _, true in drawn])
    return {
        "best_auc": round(best, 4),
        "auc": round(found.auc, 4),
        "below_best": round(best - found.auc, 4),
        "calibration_error": round(found.calibration_error, 4),
    }


def trained(drawn: Sequence[Drawn]) -> tuple[Table, Fitted]:
    outcomes = [each for each, _ in drawn]
    last_on = max(each.decided_on for each in outcomes)
    return learn(outcomes, last_on, 1)[0], boosting.fit(outcomes, None, lambda _, __: None)


def brought(scores: Sequence[float], drawn: Sequence[Drawn], share: float = 0.25) -> float:
    """Return what each worked case brought, where a share of all can be worked, by expected value."""
    order = sorted(range(len(drawn)), key=lambda place: -scores[place] * drawn[place][0].disputed_cents)
    first = order[: round(len(order) * share)]
    return sum(drawn[place][0].recovered_cents for place in first) / len(first)


def overturn(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of the odds of overturn."""
    world, count = World(chosen.seed), 30_000
    cut = FIRST_ON + timedelta(days=DAYS * 9 // 10)
    drawn = world.outcomes(chosen.seed, count)
    past, newest = [each for each in drawn if each[0].decided_on < cut], world.outcomes(chosen.seed + 1, count)
    begun = time.process_time()
    table, fitted = trained(past)
    found: dict[str, Any] = {"train_cpu_seconds": round(time.process_time() - begun, 1)}
    model = boosting.read(fitted.body)
    by_table, by_model = said(table, None, newest), said(table, model, newest)
    found["table"], found["model"] = held("table", by_table, newest), held("model", by_model, newest)
    few = [each for each in past if each[0].decided_on < FIRST_ON + timedelta(days=DAYS // 50)]
    few_table = fit([each for each, _ in few], cut, half_life_days=365)
    found["table_of_few"] = {"outcomes": len(few), **held("table", said(few_table, None, newest), newest)}
    always = sum(each.recovered_cents for each, _ in newest) / len(newest)
    ways = {"amount": [1.0] * len(newest), "table": by_table, "model": by_model, "truth": [true for _, true in newest]}
    found["lift_over_always_at_a_quarter"] = {name: round(brought(told, newest) / always, 3) for name, told in ways.items()}
    inside = [odds_of(table, each.subject) for each, _ in newest]
    found["interval_of_90_percent_holds_the_cells_truth"] = round(_covered(inside, newest), 3)
    found["where_payers_stay_silent"] = silence(chosen.seed, past, newest, cut)
    shift_on, again_on = FIRST_ON + timedelta(days=DAYS // 2), FIRST_ON + timedelta(days=DAYS * 3 // 4)
    drawn = world.outcomes(chosen.seed + 2, count, shift_on)
    after = [each for each in drawn if each[0].decided_on >= again_on]
    for name, until in (("shifted_before_retraining", shift_on), ("shifted_after_retraining", again_on)):
        table, fitted = trained([each for each in drawn if each[0].decided_on < until])
        found[name] = {
            "table": held("table", said(table, None, after), after),
            "model": held("model", said(table, boosting.read(fitted.body), after), after),
        }
    return found


def silence(seed: int, past: Sequence[Drawn], newest: Sequence[Drawn], cut: date) -> dict[str, float]:
    """Say how far the table's odds are from the truth where six of ten losses are never told: left out, and counted half a year
    after their filing, which was some 45 days before they would have been decided.
    """
    draw = random.Random(f"{seed} silence")
    silent = [not each.won and draw.random() < _SILENT_SHARE for each, _ in past]
    answered = [each for (each, _), is_silent in zip(past, silent, strict=True) if not is_silent]
    late = LOST_AFTER - timedelta(days=45)
    lost = [
        replace(each, decided_on=each.decided_on + late) for (each, _), is_silent in zip(past, silent, strict=True) if is_silent
    ]
    known = {"answers_alone": answered, "silence_is_a_loss": [*answered, *(each for each in lost if each.decided_on < cut)]}
    truth = sum(true for _, true in newest) / len(newest)
    means = {name: sum(said(fit(told, cut, half_life_days=365), None, newest)) / len(newest) for name, told in known.items()}
    return {"truth": round(truth, 3)} | {name: round(mean, 3) for name, mean in means.items()}


def _covered(told: Sequence[Odds], drawn: Sequence[Drawn]) -> float:
    """Return in how many cases the interval holds the mean truth of all that the table cannot tell apart."""
    sums: dict[Subject, list[float]] = {}
    for each, true in drawn:
        found = sums.setdefault(each.subject, [0.0, 0.0])
        found[0] += true
        found[1] += 1
    means = {subject: total / count for subject, (total, count) in sums.items()}
    inside = [odds.low <= means[each.subject] <= odds.high for odds, (each, _) in zip(told, drawn, strict=True)]
    return sum(inside) / len(inside)
