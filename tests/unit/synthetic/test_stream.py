"""The stream: endless, reproducible, balanced, and with the shares that the payers are configured with."""

from collections import Counter
from itertools import islice
from math import sqrt

import pytest

from libs.synthetic import Answer, remittances, standing
from libs.synthetic.causes import FAMILIES
from libs.synthetic.payers import MEDICAID, MEDICARE, NORTHWIND, Payer
from libs.x12 import InterchangeReader, Remit, TransactionClosed
from services.classifier.decision import AdjudicatedClaim, Adjustment, Classification, Remark, classify

CLAIMS = 20_000


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    return [answer for file in remittances(11, CLAIMS) for answer in file.answers()]


def test_it_has_no_end_and_the_same_seed_gives_the_same_bytes() -> None:
    first = [file.body for file in islice(remittances(5, claims_per_file=50), 8)]
    assert first == [file.body for file in islice(remittances(5, claims_per_file=50), 8)]
    assert len(set(first)) == 8


def test_it_bills_as_many_claims_as_asked_for(answers: list[Answer]) -> None:
    again = sum(2 for answer in answers if answer.truth.outcome == "reversal")
    assert len(answers) - again == CLAIMS
    assert again > 0


def test_the_last_file_holds_only_what_is_left() -> None:
    answers = [answer for file in remittances(3, 130, 50) for answer in file.answers()]
    assert len(answers) - sum(2 for answer in answers if answer.truth.outcome == "reversal") == 130


def test_every_file_balances() -> None:
    for file in remittances(2, 1_000, 90):
        reader = InterchangeReader()
        (closed,) = [item for item in (*reader.feed(file.body), *reader.close()) if isinstance(item, TransactionClosed)]
        told = (closed.complete, closed.unbalanced_lines, closed.unbalanced_claims, closed.balance_difference_cents)
        assert told == (True, 0, 0, 0)


def test_claims_have_about_two_lines(answers: list[Answer]) -> None:
    assert 1.8 < sum(len(answer.claim.lines) for answer in answers) / len(answers) < 2.3


@pytest.mark.parametrize("payer", [NORTHWIND, MEDICARE, MEDICAID], ids=lambda payer: payer.prefix)
def test_payers_refuse_as_often_and_for_what_they_are_configured_to(answers: list[Answer], payer: Payer) -> None:
    own = [answer for answer in answers if answer.claim.payer_id == payer.id and answer.truth.outcome != "reversal"]
    refused = [answer for answer in own if answer.truth.denied_cents]
    assert len(refused) / len(own) == pytest.approx(payer.denied_bp / 10_000, rel=0.15)
    family_of = {cause.name: name for name, causes in FAMILIES.items() for cause in causes}
    families = Counter(family_of[answer.truth.cause or ""] for answer in refused)
    assert set(families) == set(payer.mix)
    whole = sum(payer.mix.values())
    for family, weight in payer.mix.items():
        expected = weight / whole
        deviation = sqrt(expected * (1 - expected) / len(refused))
        assert families[family] / len(refused) == pytest.approx(expected, abs=4 * deviation)


def test_the_classifier_says_of_every_answer_what_the_truth_says(answers: list[Answer]) -> None:
    for answer in answers:
        truth, judged = answer.truth, judge(answer.remit)
        assert (judged.is_denial, judged.denied_cents) == (truth.denied_cents > 0, truth.denied_cents), truth
        if judged.is_denial:
            assert (judged.category, judged.action) == (truth.category, truth.action), truth


def judge(remit: Remit) -> Classification:
    adjustments = [Adjustment(item.group_code, item.carc, item.amount_cents) for item in remit.adjustments]
    rarcs = [Remark(code) for code in remit.remarks()]
    for number, line in enumerate(remit.lines, start=1):
        adjustments += [Adjustment(item.group_code, item.carc, item.amount_cents, number) for item in line.adjustments]
        rarcs += [Remark(code, number) for code in line.rarcs]
    status, charge_cents, paid_cents = remit.claim_status_code, remit.charge_cents, remit.paid_cents
    return classify(AdjudicatedClaim(status, charge_cents, paid_cents, tuple(adjustments), tuple(rarcs)))


def test_reversals_undo_answers_that_came_before(answers: list[Answer]) -> None:
    seen = set()
    for answer in answers:
        if answer.truth.undoes is not None:
            assert answer.truth.undoes in seen
        seen.add(answer.remit.payer_claim_control_number)
    held = standing(answers)
    reversals = sum(1 for answer in answers if answer.truth.outcome == "reversal")
    assert len(held) == len(answers) - 2 * reversals
