"""The sandbox's payer: each row of the published table is what comes back."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import pytest
from msgspec.structs import replace

from deploy.local.layout import ROOT
from libs.synthetic import sandbox
from libs.synthetic.desk import Desk
from libs.synthetic.habits import HABITS
from libs.synthetic.payers import MEDICARE
from libs.synthetic.sandbox import SCENARIOS, UNBALANCED_CENTS, answer
from libs.x12 import Finding, InterchangeReader, Item, PaymentRead, Remit, StatusRead, TransactionClosed
from libs.x12.claim import Claim, Reference

T = TypeVar("T")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def claim() -> Claim:
    desk = Desk("1", "AAAAA")
    bills = (desk.bill(HABITS[MEDICARE.id], date(2026, 3, 10), None) for _ in range(50))
    return next(bill.claim for bill in bills if len(bill.claim.lines) > 2)


def answers(claim: Claim, pcn: str = "") -> list[tuple[timedelta, list[Item]]]:
    asked = replace(claim, patient_control_number=pcn) if pcn else claim
    told = []
    for after, body in answer(asked, NOW):
        reader = InterchangeReader()
        told.append((after, [*reader.feed(body), *reader.close()]))
    return told


def one(kind: type[T], items: list[Item]) -> T:
    (found,) = [item for item in items if isinstance(item, kind)]
    return found


def codes(items: list[Item]) -> tuple[str, str, str]:
    first = one(StatusRead, items).statuses[0].codes[0]
    return first.category, first.code, first.entity


def judged(claim: Claim, pcn: str) -> Remit:
    (first_after, acknowledged), (after, told) = answers(claim, pcn)
    assert timedelta() < first_after < after
    assert codes(acknowledged) == ("A2", "20", "PR")
    assert [item for item in told if isinstance(item, Finding)] == []
    remit = one(Remit, told)
    assert one(StatusRead, acknowledged).payer_claim_control_number == remit.payer_claim_control_number
    assert (one(StatusRead, acknowledged).trace, remit.patient_control_number) == (pcn, pcn)
    assert remit.charge_cents == claim.charge_cents
    assert [line.reference("6R") for line in remit.lines] == [line.line_control_number for line in claim.lines]
    return remit


def test_paid_in_full(claim: Claim) -> None:
    remit = judged(claim, "SBX-PAID-1")
    assert (remit.paid_cents, remit.adjustment_cents) == (claim.charge_cents, 0)


@pytest.mark.parametrize(
    ("pcn", "carc", "rarcs"),
    [
        ("SBX-16", "16", ("N382",)), ("SBX-16-0001", "16", ("N382",)), ("SBX-16-N290-0001", "16", ("N290",)),
        ("sbx-16-ma130", "16", ("MA130",)), ("SBX-29-1", "29", ()), ("SBX-50-1", "50", ("N115",)), ("SBX-97", "97", ("M15",)),
        ("SBX-197-1", "197", ()),
    ],
)  # fmt: skip
def test_all_is_refused_by_the_code_that_is_asked_for(claim: Claim, pcn: str, carc: str, rarcs: tuple[str, ...]) -> None:
    remit = judged(claim, pcn)
    assert remit.paid_cents == 0
    for line in remit.lines:
        (refused,) = line.adjustments
        assert (refused.group_code, refused.carc, refused.amount_cents) == ("CO", carc, line.charge_cents)
        assert line.rarcs == rarcs


def test_partially_paid(claim: Claim) -> None:
    remit = judged(claim, "SBX-PART-1")
    assert 0 <= remit.paid_cents - remit.adjustment_cents <= len(remit.lines)  # a cent that cannot be halved is paid
    assert {(each.group_code, each.carc) for line in remit.lines for each in line.adjustments} == {("CO", "96")}


def test_reversed_later(claim: Claim) -> None:
    (_, _), (paid_after, paid), (after, taken) = answers(claim, "SBX-REVERSED-1")
    assert paid_after < after
    first, second = one(Remit, paid), one(Remit, taken)
    assert (first.paid_cents, first.claim_status_code) == (claim.charge_cents, "1")
    assert (second.paid_cents, second.claim_status_code) == (-claim.charge_cents, "22")
    assert second.payer_claim_control_number == first.payer_claim_control_number
    assert [item for item in taken if isinstance(item, Finding)] == []
    (debt,) = one(TransactionClosed, taken).provider_adjustments
    assert (debt.reason_code, debt.amount_cents) == ("FB", -claim.charge_cents)
    assert one(PaymentRead, paid).trace_number != one(PaymentRead, taken).trace_number


def test_out_of_balance(claim: Claim) -> None:
    _, (_, told) = answers(claim, "SBX-UNBALANCED")
    assert [item.code for item in told if isinstance(item, Finding)] == ["transaction_out_of_balance"]
    assert one(TransactionClosed, told).balance_difference_cents == UNBALANCED_CENTS


def test_rejected_by_the_277ca(claim: Claim) -> None:
    ((_, told),) = answers(claim, "SBX-REJECTED-1")
    assert codes(told) == ("A7", "164", "IL")


def test_silent(claim: Claim) -> None:
    assert answers(claim, "SBX-SILENT-1") == []


@pytest.mark.parametrize("pcn", ["A1", "SBX-PAIDX", "SBX-999", "SBX", "XSBX-29"])
def test_anything_else_is_paid_by_contract(claim: Claim, pcn: str) -> None:
    remit = judged(claim, pcn)
    assert 0.65 < remit.paid_cents / remit.charge_cents < 0.85
    assert {(each.group_code, each.carc) for line in remit.lines for each in line.adjustments} == {("CO", "45")}


def test_the_member_id_asks_too_and_the_account_number_comes_first(claim: Claim) -> None:
    asked = replace(claim, subscriber=replace(claim.subscriber, member_id="SBX-29-777"))
    assert {each.carc for line in judged(asked, "A1").lines for each in line.adjustments} == {"29"}
    assert judged(asked, "SBX-PAID").adjustment_cents == 0


def test_claims_that_no_payer_would_take_are_rejected(claim: Claim) -> None:
    ((_, uneven),) = answers(replace(claim, charge_cents=claim.charge_cents + 1), "SBX-PAID")
    assert codes(uneven) == ("A8", "400", "")
    for frequency_code in "78":
        ((_, told),) = answers(replace(claim, frequency_code=frequency_code), "SBX-PAID")
        assert codes(told) == ("A6", "464", "")


def test_a_void_takes_back_what_was_paid_under_the_number_that_it_names(claim: Claim) -> None:
    paid = judged(claim, "SBX-PART-1")
    number = paid.payer_claim_control_number
    void = replace(claim, frequency_code="8", references=(*claim.references, Reference("F8", number)))
    _, (_, told) = answers(void, "SBX-PART-1")
    taken = one(Remit, told)
    assert (taken.claim_status_code, taken.payer_claim_control_number, taken.paid_cents) == ("22", number, -paid.paid_cents)


def test_the_same_claim_has_the_same_answers_and_another_one_other_numbers(claim: Claim) -> None:
    assert answer(claim, NOW) == answer(claim, NOW)
    numbers = {judged(claim, f"SBX-PAID-{number}").payer_claim_control_number for number in range(40)}
    assert len(numbers) == 40


def test_a_claim_that_tells_little_is_answered_without_findings() -> None:
    desk = Desk("1", "AAAAA")
    full = desk.bill(HABITS[MEDICARE.id], date(2026, 3, 10), None).claim
    bare = tuple(
        replace(line, line_control_number="", service_from_on=None, service_to_on=None, units="", modifiers=())
        for line in full.lines
    )
    claim = replace(full, lines=bare, dates=(), providers=(), payer=replace(full.payer, payer_id="", name=""))
    for _, told in answers(claim, "SBX-PART-1"):
        assert [item for item in told if isinstance(item, Finding)] == []


def test_the_guide_to_http_holds_the_table() -> None:
    (table,) = re.findall(r"^\| begins with .*?\n\n", sandbox.__doc__ or "", re.MULTILINE | re.DOTALL)
    assert table in (ROOT / "docs" / "api" / "README.md").read_text()


def test_the_published_table_has_a_row_for_each_word() -> None:
    rows = re.findall(r"^\| `SBX-([A-Z0-9]+)` \|", sandbox.__doc__ or "", re.MULTILINE)
    assert sorted(rows) == sorted(SCENARIOS)
