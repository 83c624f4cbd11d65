"""What is learned, held against the best that can be: the chances that the synthetic payers drew their answers from.

`python -m tests.bench insight [--claims N] [--many N] [--payers N] [--seed N] [--part NAME]`

Risk of denial: claims with a known chance are learned from as the classifier learns (same columns, split and calibration), and the
newest ones, which the model has not seen, are scored. `best` is the AUC of the chance itself: no model can beat it but by luck.
Then a payer changes its mind; the model from before and the one trained anew are measured on what comes after. Then speed: training
on a million claims in a process of its own, scoring singly and in batches of 1,000 on one core.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from libs.synthetic.chances import ChancedClaim, chanced_claims
from services.classifier.models.measures import auc, calibration_error
from services.classifier.models.told import Fitted
from services.classifier.risk.claims import Lesson, Line, Outcome, Submission
from services.classifier.risk.columns import Book
from services.classifier.risk.fitting import Material, fit
from services.classifier.risk.lessons import Lessons
from services.classifier.risk.model import Scorer, read
from tests.bench.insight_alerts import alerts
from tests.bench.insight_causes import causes
from tests.bench.insight_odds import overturn
from tests.bench.meter import keep

FIRST_ON: Final = date(2025, 1, 1)
DAYS: Final = 360


def lesson_of(claim: ChancedClaim) -> Lesson:
    """Say of a claim what the classifier would keep of it."""
    lines = frozenset({claim.line}) if claim.line is not None else frozenset[int]()
    return Lesson(
        UUID(int=claim.account << 64),
        claim.submitted_on,
        Submission(
            payer_id=claim.payer_id,
            payer_kind=claim.payer_kind,
            claim_type="professional",
            frequency_code=claim.frequency_code,
            payer_sequence="P",
            facility_code=claim.facility_code,
            provider_npi=claim.provider_npi,
            diagnoses=claim.diagnoses,
            authorization=claim.authorization,
            referral=None,
            served_on=claim.served_on,
            charge_cents=claim.charge_cents,
            lines=tuple(
                Line(place, line.procedure_code, line.modifiers, line.charge_cents)
                for place, line in enumerate(claim.lines, start=1)
            ),
            findings=tuple((rule, severity, None) for rule, severity in claim.findings),
        ),
        Outcome(claim.answered_on, claim.denied, claim.category, lines),
    )


def trained(claims: Iterable[ChancedClaim]) -> Fitted:
    """Learn from claims."""
    return fit(Material(gathered(claims)), None, lambda _, __: None)


def gathered(claims: Iterable[ChancedClaim]) -> Lessons:
    lessons = Lessons(Book())
    for claim in claims:
        lessons.add(lesson_of(claim))
    return lessons


def held(scorer: Scorer, claims: Sequence[ChancedClaim]) -> dict[str, float]:
    """Score claims that nobody has learned from."""
    lessons = [lesson_of(claim) for claim in claims]
    chances = scorer.chances(
        [(each.submission, (each.submitted_on - (each.submission.served_on or each.submitted_on)).days) for each in lessons]
    )
    happened = np.array([claim.denied for claim in claims]).astype(int)
    true = np.array([claim.chance for claim in claims])
    return {
        "best_auc": round(auc(true, happened), 4),
        "auc": round(auc(chances, happened), 4),
        "calibration_error": round(calibration_error(chances, happened), 4),
        "rate": round(float(happened.mean()), 4),
    }


def risk_against_truth(seed: int, count: int) -> dict[str, Any]:
    """Learn from all but the last tenth; then let a payer change its mind, and learn once more."""
    claims = list(chanced_claims(seed, count, FIRST_ON, DAYS))
    cut = FIRST_ON + timedelta(days=DAYS * 9 // 10)
    begun = time.process_time()
    steady = trained(claim for claim in claims if claim.answered_on < cut)
    found: dict[str, Any] = {"train_cpu_seconds": round(time.process_time() - begun, 1)}
    found["steady"] = held(read(steady.body), [claim for claim in claims if claim.submitted_on >= cut])
    shift_on = FIRST_ON + timedelta(days=DAYS // 2)
    again_on = FIRST_ON + timedelta(days=DAYS * 3 // 4)
    claims = list(chanced_claims(seed + 1, count, FIRST_ON, DAYS, shift_on))
    after = [claim for claim in claims if claim.submitted_on >= again_on]
    before = trained(claim for claim in claims if claim.answered_on < shift_on)
    found["shifted_before_retraining"] = held(read(before.body), after)
    anew = trained(claim for claim in claims if claim.answered_on < again_on)
    found["shifted_after_retraining"] = held(read(anew.body), after)
    return found


def scoring_rates(scorer: Scorer, claims: Sequence[ChancedClaim]) -> dict[str, float]:
    """Say how fast one core scores, with reasons and lines, as `POST /v1/risk` answers."""
    asked = [(lesson_of(claim).submission, 10) for claim in claims[:1000]]
    rates, singly = [], []
    for _ in range(7):
        begun = time.process_time()
        scorer.assess(asked)
        rates.append(len(asked) / (time.process_time() - begun))
    for each in asked:
        begun = time.perf_counter()
        scorer.assess([each])
        singly.append(1000 * (time.perf_counter() - begun))
    return {
        "batch_claims_per_second": round(statistics.median(rates)),
        "single_p50_ms": round(statistics.median(singly), 2),
        "single_p99_ms": round(sorted(singly)[int(len(singly) * 0.99)], 2),
    }


def train_many(seed: int, count: int) -> dict[str, float]:
    """Train on many claims in a process of its own, whose memory is told; what draws the claims is in it too."""
    program = (
        "import json, os, sys, time\n"
        "from tests.bench import insight\n"
        "from tests.bench.meter import peak_mib\n"
        "seed, count = map(int, sys.argv[1:])\n"
        "lessons = insight.gathered(insight.chanced_claims(seed, count, insight.FIRST_ON, insight.DAYS))\n"
        "wall, cpu = time.perf_counter(), time.process_time()\n"
        "insight.fit(insight.Material(lessons), None, lambda *_: None)\n"
        "told = {'fit_seconds': time.perf_counter() - wall, 'fit_cpu_seconds': time.process_time() - cpu}\n"
        "print(json.dumps(told | {'gathered_and_fit_cpu_seconds': time.process_time(), 'peak_mib': peak_mib(os.getpid())}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(seed), str(count)], check=True, capture_output=True, text=True)
    return {name: round(value, 1) for name, value in json.loads(done.stdout).items()}


def risk(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of the risk of denial."""
    found = risk_against_truth(chosen.seed, chosen.claims)
    scored = list(chanced_claims(chosen.seed + 2, 20_000, FIRST_ON, DAYS))
    found["scoring"] = scoring_rates(read(trained(scored).body), scored)
    found["training_many"] = {"claims": chosen.many, **train_many(chosen.seed, chosen.many)} if chosen.many else {}
    return found


# The parts of this benchmark, one a subject that is learned: each takes the options and returns its figures.
PARTS: Final = {"risk": risk, "overturn": overturn, "alerts": alerts, "causes": causes}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench insight")
    parser.add_argument("--claims", type=int, default=120_000)
    parser.add_argument("--many", type=int, default=1_000_000, help="how many claims the large training has; 0: none")
    parser.add_argument("--payers", type=int, default=30, help="how many years of a payer are drawn of each habit")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--part", choices=PARTS, help="this part alone")
    chosen = parser.parse_args(arguments)
    report = {name: part(chosen) for name, part in PARTS.items() if chosen.part in (None, name)}
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('insight', report)}")
