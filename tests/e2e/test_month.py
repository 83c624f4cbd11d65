"""A clinic's month whose truth is known, its files in any order: corrections before refusals, reversals before what they undo."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from libs.synthetic import Answer, Interchange, month, standing
from libs.x12 import Adjustment
from tests.support.system import System

FIRST_ON = date(2031, 10, 1)
PERIOD = {"from": "2031-10-01", "to": "2031-10-31"}


@dataclass
class Month:
    files: list[Interchange]
    interchanges: list[dict[str, Any]]

    @property
    def answers(self) -> list[Answer]:
        return [answer for file in self.files for answer in file.answers()]

    @property
    def denials(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.truth.denied_cents > 0 and answer.truth.outcome != "reversal"]

    @property
    def standing_denials(self) -> list[Answer]:
        return [answer for answer in standing(self.answers) if answer.truth.denied_cents > 0]


@pytest.fixture(scope="module")
def clinic(system: System) -> Month:
    files = list(month(seed=11, claims=150, first_on=FIRST_ON))
    random.Random(11).shuffle(files)
    return Month(files, system.take_in(*(file.body for file in files)))


def adjustments(answer: Answer) -> Iterator[Adjustment]:
    yield from answer.remit.adjustments
    for line in answer.remit.lines:
        yield from line.adjustments


def name(answer: Answer) -> tuple[str, str, int]:
    remit = answer.remit
    return (remit.patient_control_number, remit.payer_claim_control_number, answer.truth.denied_cents)


def test_the_four_ledgers_agree_with_what_the_payers_wrote(system: System, clinic: Month) -> None:
    groups: Counter[str] = Counter()
    for answer in clinic.answers:
        for item in adjustments(answer):
            groups[item.group_code] += item.amount_cents
    charge = sum(answer.remit.charge_cents for answer in clinic.answers)
    paid = sum(answer.remit.paid_cents for answer in clinic.answers)
    assert system.ledger(**PERIOD)["totals"] == {
        "remits": len(clinic.answers),
        "charge_cents": charge,
        "paid_cents": paid,
        "adjustment_cents": sum(groups.values()),
        "adjustments_by_group": dict(groups),
        "unbalanced_cents": charge - paid - sum(groups.values()),
    }


def test_the_payment_that_is_out_of_balance_is_the_one_that_is_reported(clinic: Month) -> None:
    wrong = {
        file.name: [payout.difference_cents for payout in file.payouts if payout.difference_cents]
        for file in clinic.files
        if any(payout.difference_cents for payout in file.payouts)
    }
    reported = {
        file.name: [each["balance_difference_cents"] for each in interchange["transactions"] if each["balance_difference_cents"]]
        for file, interchange in zip(clinic.files, clinic.interchanges, strict=True)
        if any(each["balance_difference_cents"] for each in interchange["transactions"])
    }
    assert wrong
    assert {file: list(map(abs, found)) for file, found in reported.items()} == {
        file: list(map(abs, found)) for file, found in wrong.items()
    }


def test_what_was_refused_and_stands_is_active_and_what_was_taken_back_is_retracted(system: System, clinic: Month) -> None:
    found = system.pages("classifier", "/v1/denials", **PERIOD)
    by_status: dict[str, list[tuple[str, str, int]]] = {"active": [], "retracted": []}
    for each in found:
        by_status[each["status"]].append((each["patient_control_number"], each["payer_claim_control_number"], each["denied_cents"]))
    stands = sorted(map(name, clinic.standing_denials))
    assert sorted(by_status["active"]) == stands
    assert sorted(by_status["active"] + by_status["retracted"]) == sorted(map(name, clinic.denials))
    assert by_status["retracted"]
    categories = {name(answer): answer.truth.category for answer in clinic.denials}
    assert {
        (each["patient_control_number"], each["payer_claim_control_number"], each["denied_cents"]): each["category"]
        for each in found
    } == categories


def test_each_denial_that_can_be_pursued_has_one_case_that_follows_it(system: System, clinic: Month) -> None:
    denials = {each["denial_id"]: each for each in system.pages("classifier", "/v1/denials", **PERIOD)}
    cases = system.pages("appeals", "/v1/cases", **PERIOD)
    assert len({case["denial_id"] for case in cases}) == len(cases)
    stands = {each["denial_id"] for each in denials.values() if each["status"] == "active"}
    pursued = {case["denial_id"]: case["denied_cents"] for case in cases if case["denial_id"] in stands}
    pursuable = {key: each["denied_cents"] for key, each in denials.items() if each["recoverable"] and each["status"] == "active"}
    assert pursued == pursuable
    closed = {"retracted", "overturned", "partly_overturned"}  # a reversal that came with money won the case
    assert all(case["state"] in closed if case["denial_id"] not in stands else case["state"] != "retracted" for case in cases)


def test_the_denial_rate_is_that_of_what_stands(system: System, clinic: Month) -> None:
    counted = [answer for answer in standing(clinic.answers) if answer.truth.outcome != "predetermination"]
    rates = system.get("analytics", "/v1/denial-rate", group_by="category", **PERIOD)
    assert rates["totals"]["claims"] == len(counted)
    assert rates["totals"]["charge_cents"] == sum(answer.remit.charge_cents for answer in counted)
    expected: Counter[str | None] = Counter()
    for answer in clinic.standing_denials:
        expected[answer.truth.category] += answer.truth.denied_cents
    assert {group["key"]: group["denied_cents"] for group in rates["groups"]} == dict(expected)


def test_the_same_month_again_in_another_order_changes_nothing(system: System, clinic: Month) -> None:
    before = system.snapshot()
    bodies = [file.body for file in clinic.files]
    random.Random(12).shuffle(bodies)
    system.take_in(*(body + b"\n" for body in bodies))
    assert system.snapshot() == before
