"""Which payment a deposit is, and what a line against a fee schedule comes to."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from libs.common.contracts.remit_received import Adjustment, RemitReceivedV1, ServiceLine, Totals
from services.ingest.followups.deposits import Announced, Came, pair
from services.ingest.followups.fees import Fee, Fees, shortfall_of

DAY = date(2026, 3, 10)


def came(number: int, *, trace: str = "", cents: int = 100, day: int = 10) -> Came:
    return Came(UUID(int=number), date(2026, 3, day), cents, trace)


def announced(number: int, *, trace: str = "", cents: int = 100, day: int = 10) -> Announced:
    return Announced(UUID(int=100 + number), date(2026, 3, day), cents, trace)


def pairs(deposits: list[Came], payments: list[Announced]) -> dict[int, int]:
    return {deposit.int: payment.int - 100 for deposit, payment in pair(deposits, payments).items()}


@pytest.mark.parametrize(
    ("deposits", "payments", "expected"),
    [
        ([came(1, trace="T1")], [announced(1, trace="T1")], {1: 1}),
        ([came(1, trace="T1")], [announced(1, trace="T2")], {}),
        ([came(1, trace="T1")], [announced(1, trace="T1", cents=101)], {}),
        ([came(1, trace="T1")], [announced(1, trace="T1", day=1), announced(2, trace="T1", day=11)], {1: 2}),
        ([came(1, trace="T1"), came(2, trace="T1")], [announced(1, trace="T1")], {1: 1}),
        ([came(1)], [announced(1, trace="T1", day=15)], {1: 1}),
        ([came(1)], [announced(1, trace="T1", day=16)], {}),
        ([came(1)], [announced(1), announced(2)], {}),
        ([came(1), came(2)], [announced(1)], {}),
        ([came(1), came(2, trace="T2")], [announced(1, trace="T1"), announced(2, trace="T2")], {1: 1, 2: 2}),
    ],
)
def test_a_trace_and_amount_decide_else_amount_and_day_where_nothing_else_fits(deposits, payments, expected) -> None:
    assert pairs(deposits, payments) == expected
    assert pairs(deposits[::-1], payments[::-1]) == expected


def remit(*, paid: int, patient: int = 0, sequester: int = 0, status: str = "1", units: str = "1") -> RemitReceivedV1:
    adjustments = [Adjustment("PR", "1", patient, line=1), Adjustment("CO", "253", sequester, line=1)]
    return RemitReceivedV1(
        remit_id=UUID(int=1),
        remittance_id=UUID(int=2),
        interchange_id=UUID(int=3),
        claim_key=UUID(int=4),
        patient_control_number="A",
        payer_claim_control_number="N",
        payer_id="PAYER1",
        payer_name="PAYER",
        payment_on=DAY,
        received_at=datetime(2026, 3, 10, tzinfo=UTC),
        claim_status_code=status,
        charge_cents=10_000,
        paid_cents=paid,
        adjustments=tuple(each for each in adjustments if each.amount_cents),
        totals=Totals(0, {}, 0),
        lines=(ServiceLine(1, 10_000, paid, "G0283", "HC", ("GP",), units=units, service_on=DAY),),
    )


def missing(told: RemitReceivedV1, *fees: Fee) -> int:
    found = shortfall_of("local", UUID(int=4), 10_000, "PAYER1", DAY, [told], Fees(fees))
    return found.agreed_cents - found.allowed_cents if found else 0


def fee(cents: int, *, modifier: str = "", first: date = date(2026, 1, 1), release: date = date(2026, 1, 1)) -> Fee:
    return Fee(release, "PAYER1", "G0283", modifier, cents, first, None)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (remit(paid=8_000), 1_000),
        (remit(paid=8_000, patient=1_000), 0),
        (remit(paid=8_000, patient=999), 1),
        (remit(paid=8_840, sequester=160), 0),
        (remit(paid=0), 0),
        (remit(paid=0, patient=5_000), 4_000),
        (remit(paid=8_000, status="2"), 0),
        (remit(paid=8_000, units="2"), 2_000),  # two units, and no more than was charged
        (remit(paid=4_000, units="0.5"), 500),
    ],
)
def test_what_payer_and_patient_pay_is_held_against_the_schedule_times_units(told: RemitReceivedV1, expected: int) -> None:
    assert missing(told, fee(9_000)) == expected


def test_the_newest_release_counts_and_in_it_the_modifiers_own_row() -> None:
    told = remit(paid=8_000)
    assert missing(told, fee(9_000), fee(8_500, modifier="GP")) == 500
    assert missing(told, fee(9_000), fee(9_500, modifier="TC")) == 1_000
    assert missing(told, fee(9_000, release=date(2025, 10, 1)), fee(8_100)) == 100
    assert missing(told, fee(9_000), fee(9_900, release=date(2026, 4, 1))) == 1_000
