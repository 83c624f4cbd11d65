"""The pure decision alone: claims a second on one core, for the usual claim and for denials.

`python -m tests.bench classify [--claims N] [--rounds N]`

`usual`: what payers send: nine claims in ten paid with a price cut and a patient share, one refused for one of the usual reasons.
`denied`: refused claims only, most with a remark. Medians of several rounds by the time of this process on its core, so that a busy
machine tells the same; the tables are read before the clock starts.
"""

import argparse
import statistics
import time
from collections.abc import Sequence

from services.classifier.decision import AdjudicatedClaim, Adjustment, Remark, classify
from tests.bench.meter import tell

_REFUSALS = (
    ("CO", "16", "N382"),
    ("CO", "197", ""),
    ("PR", "27", ""),
    ("PR", "96", "N130"),
    ("CO", "252", "N706"),
    ("OA", "18", ""),
    ("CO", "97", "M15"),
    ("CO", "22", "MA04"),
    ("CO", "50", "N115"),
    ("CO", "29", ""),
    ("CO", "119", ""),
    ("CO", "16", "MA130"),
)


def paid(number: int) -> AdjudicatedClaim:
    """Make a paid claim of two lines: contract price, copayment, coinsurance."""
    first, second = 10_000 + number % 7_919, 5_000 + number % 4_999
    adjustments = (
        Adjustment("CO", "45", first * 2 // 5, 1),
        Adjustment("PR", "3", 2_500, 1),
        Adjustment("CO", "45", second * 2 // 5, 2),
        Adjustment("PR", "2", second // 10, 2),
    )
    unpaid = sum(each.amount_cents for each in adjustments)
    return AdjudicatedClaim("1", first + second, first + second - unpaid, adjustments, payer_kind="commercial")


def denied(number: int) -> AdjudicatedClaim:
    """Make a claim with one refused line and one paid at the contract price."""
    group_code, carc, rarc = _REFUSALS[number % len(_REFUSALS)]
    refused = 10_000 + number % 7_919
    adjustments = (Adjustment(group_code, carc, refused, 1), Adjustment("CO", "45", 3_000, 2))
    remarks = (Remark(rarc, 1),) if rarc else ()
    return AdjudicatedClaim("1", refused + 8_000, 5_000, adjustments, remarks, "professional", "commercial", 40)


def claims_per_second(claims: list[AdjudicatedClaim], rounds: int) -> float:
    rates = []
    for _ in range(rounds):
        begun = time.process_time()
        for claim in claims:
            classify(claim)
        rates.append(len(claims) / (time.process_time() - begun))
    return statistics.median(rates)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench classify")
    parser.add_argument("--claims", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args(arguments)
    mixes = {
        "usual": [denied(number) if number % 10 == 0 else paid(number) for number in range(chosen.claims)],
        "denied": [denied(number) for number in range(chosen.claims)],
    }
    found = {f"{name}_claims_per_second": round(claims_per_second(claims, chosen.rounds)) for name, claims in mixes.items()}
    tell("classify", found)
