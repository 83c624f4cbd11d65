"""A clinic's month: reproducible, balanced to the cent but where planted, read back as it is told, and complete."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.synthetic import Answer, Interchange, month, standing
from libs.synthetic.causes import CAUSES
from libs.synthetic.month import CLAIMS_MIN, OUT_OF_BALANCE_CENTS
from libs.synthetic.payers import CEDAR, JUNIPER, LAKESHORE, MEDICAID, MEDICARE, NORTHWIND, PAYERS
from libs.x12 import Finding, InterchangeReader, Item, PaymentRead, Remit, ServiceLine, TransactionClosed

seeds = st.integers(0, 10**6)
sizes = st.integers(CLAIMS_MIN, 250)


def read(body: bytes) -> list[Item]:
    reader = InterchangeReader()
    return [*reader.feed(body), *reader.close()]


def answers(files: list[Interchange]) -> list[Answer]:
    return [answer for file in files for answer in file.answers()]


@pytest.fixture(scope="module")
def files() -> list[Interchange]:
    return list(month())


@given(seeds, sizes)
@settings(max_examples=5)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(seed: int, claims: int) -> None:
    told = [(file.name, file.body) for file in month(seed, claims)]
    assert told == [(file.name, file.body) for file in month(seed, claims)]
    others = [file.body for file in month(seed + 1, claims)]
    assert not {body for _, body in told} & set(others)


@given(seeds, sizes)
@settings(max_examples=10)
def test_everything_balances_but_the_planted_payment(seed: int, claims: int) -> None:
    differences = []
    for file in month(seed, claims):
        items = read(file.body)
        assert [item for item in items if isinstance(item, Finding) and item.code != "transaction_out_of_balance"] == []
        for item in items:
            if isinstance(item, TransactionClosed):
                assert (item.complete, item.unbalanced_claims, item.unbalanced_lines) == (True, 0, 0)
                differences.append(item.balance_difference_cents)
    assert [each for each in differences if each] == [OUT_OF_BALANCE_CENTS]


@given(seeds, sizes)
@settings(max_examples=10)
def test_every_denial_category_is_in_the_month_and_holds(seed: int, claims: int) -> None:
    held = {answer.truth.category for answer in standing(answers(list(month(seed, claims))))}
    assert {cause.category for cause in CAUSES.values()} <= held


def test_reading_the_files_yields_what_the_truth_says(files: list[Interchange]) -> None:
    for file in files:
        items = read(file.body)
        remits = [item for item in items if isinstance(item, Remit)]
        closed = [item for item in items if isinstance(item, TransactionClosed)]
        for remit, answer in zip(remits, file.answers(), strict=True):
            assert told(remit) == told(answer.remit)
            assert [line_told(line) for line in remit.lines] == [line_told(line) for line in answer.remit.lines]
        payments = [item for item in items if isinstance(item, PaymentRead)]
        for payment, transaction, payout in zip(payments, closed, file.payouts, strict=True):
            head = payout.remittance.payment
            assert (payment.trace_number, payment.payer_id, payment.payer_name) == (
                head.trace_number, payout.payer_id, PAYERS[payout.payer_id].name,
            )  # fmt: skip
            assert payment.amount_cents == head.amount_cents
            assert transaction.provider_adjustments == tuple(payout.remittance.provider_adjustments)
            assert transaction.balance_difference_cents == payout.difference_cents


def told(remit: Remit) -> tuple[object, ...]:
    return (
        remit.patient_control_number, remit.claim_status_code, remit.charge_cents, remit.paid_cents, remit.difference_cents,
        remit.patient_responsibility_cents, remit.claim_filing_code, remit.payer_claim_control_number, remit.adjustments,
        remit.segments, remit.adjustment_cents,
    )  # fmt: skip


def line_told(line: ServiceLine) -> tuple[object, ...]:
    return (
        line.procedure_code, line.original_procedure_code, line.modifiers, line.units, line.charge_cents, line.paid_cents,
        line.adjustments, line.rarcs, line.segments,
    )  # fmt: skip


def test_account_and_trace_numbers_are_unique_and_short(files: list[Interchange]) -> None:
    traces = [payout.remittance.payment.trace_number for file in files for payout in file.payouts]
    assert len(set(traces)) == len(traces)
    told = [answer.remit for answer in answers(files)]
    assert max(len(remit.patient_control_number) for remit in told) <= 17
    adjudicated = [remit.payer_claim_control_number for remit in told if remit.claim_status_code != "22"]
    assert len(set(adjudicated)) == len(adjudicated)


def test_the_month_has_so_many_claims_and_some_twenty_files(files: list[Interchange]) -> None:
    billed = Counter(
        (answer.claim.patient_control_number, answer.claim.cause is not None and answer.claim.cause.name == "sent_twice")
        for answer in answers(files)
    )
    assert 300 <= sum(1 for _ in billed) <= 340
    assert 15 <= len(files) <= 22


def test_a_denial_is_reversed_in_a_later_file_and_paid(files: list[Interchange]) -> None:
    northwind = [answer for file in files for answer in file.answers() if file.payouts[0].payer_id == NORTHWIND.id]
    (reversal,) = [answer for answer in northwind if answer.truth.outcome == "reversal"]
    account = [answer for answer in northwind if answer.claim.patient_control_number == reversal.claim.patient_control_number]
    assert [answer.truth.outcome for answer in account] == ["denied", "reversal", "paid"]
    denied, _, paid = (answer.remit for answer in account)
    assert denied.payer_claim_control_number == reversal.remit.payer_claim_control_number == reversal.truth.undoes
    assert (reversal.remit.charge_cents, reversal.remit.paid_cents) == (-denied.charge_cents, -denied.paid_cents)
    assert paid.paid_cents > 0
    assert standing(account) == [account[2]]


def test_a_payment_taken_back_leaves_a_debt_that_the_next_payment_settles(files: list[Interchange]) -> None:
    _, taken, following = [file.payouts[0] for file in files if file.payouts[0].payer_id == JUNIPER.id]
    assert (taken.remittance.payment.amount_cents, taken.remittance.payment.handling_code) == (0, "H")
    (debt,), (settled,) = taken.remittance.provider_adjustments, following.remittance.provider_adjustments
    assert (debt.reason_code, settled.reason_code) == ("FB", "FB")
    assert debt.amount_cents == -settled.amount_cents < 0
    assert debt.reference_id == settled.reference_id == taken.remittance.payment.trace_number


def test_recoveries_interest_and_a_payment_of_nothing_are_there(files: list[Interchange]) -> None:
    payouts = [payout for file in files for payout in file.payouts]
    reasons = {item.reason_code for payout in payouts for item in payout.remittance.provider_adjustments}
    assert reasons == {"FB", "WO", "L6"}
    nothing = [payout for payout in payouts if all(answer.truth.outcome == "denied" for answer in payout.answers)]
    assert [payout.remittance.payment.handling_code for payout in nothing] == ["H"]


def test_the_odd_answers_are_there(files: list[Interchange]) -> None:
    every = answers(files)
    parts = Counter(
        (answer.claim.patient_control_number, answer.claim.service_on)
        for answer in every
        if answer.truth.outcome == "paid" and answer.remit.claim_filing_code == NORTHWIND.claim_filing_code
    )
    assert 2 in parts.values()  # one claim, two CLPs
    (estimate,) = [answer.remit for answer in every if answer.truth.outcome == "predetermination"]
    assert (estimate.claim_status_code, estimate.paid_cents) == ("25", 0)
    recoded = [line for answer in every for line in answer.remit.lines if line.original_procedure_code]
    assert all(line.original_procedure_code != line.procedure_code for line in recoded)
    assert recoded
    secondary = [answer.remit for answer in every if answer.remit.claim_status_code == "2"]
    assert secondary
    assert all(line.adjustments[0].carc == "23" for remit in secondary for line in remit.lines)
    assert {remit.claim_filing_code for remit in secondary} == {CEDAR.claim_filing_code}
    assert any(item.carc == "253" for answer in every for line in answer.remit.lines for item in line.adjustments)
    as_a_whole = [answer.remit for answer in every if answer.remit.adjustments]
    assert {remit.claim_filing_code for remit in as_a_whole} == {LAKESHORE.claim_filing_code}
    assert all(not remit.lines for remit in as_a_whole)
    assert {item.carc for answer in every for line in answer.remit.lines for item in line.adjustments} >= {"1", "2", "3", "45"}


def test_a_denied_share_of_the_patient_is_a_denial_too(files: list[Interchange]) -> None:
    borne_by_patient = [
        answer.truth
        for answer in answers(files)
        for line in answer.remit.lines
        for item in line.adjustments
        if item.group_code == "PR" and item.carc not in ("1", "2", "3")
    ]
    assert borne_by_patient
    assert all(truth.denied_cents for truth in borne_by_patient)


def test_payments_lie_in_the_month_and_services_before_them() -> None:
    files = list(month(3, CLAIMS_MIN, date(2027, 2, 17)))
    for payout in (payout for file in files for payout in file.payouts):
        payment_on = payout.remittance.payment.payment_on
        assert date(2027, 2, 1) <= payment_on <= date(2027, 2, 28)
        for answer in payout.answers:
            if answer.truth.outcome != "predetermination":
                assert payment_on - timedelta(days=62) <= answer.claim.service_on < payment_on


def test_too_small_a_month_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        month(claims=CLAIMS_MIN - 1)


def test_payers_answer_by_their_own_habits(files: list[Interchange]) -> None:
    denied = [answer for answer in answers(files) if answer.truth.outcome == "denied"]
    statuses = {(answer.claim.payer_id, answer.remit.claim_status_code) for answer in denied}
    assert {(MEDICAID.id, "4"), (MEDICARE.id, "1")} <= statuses
