"""What a claim comes to over all its adjudications, to the cent."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.remit_received import RemitReceivedV1, Totals
from services.ingest.balance import Balance, balance

KEY = uuid4()


def remit(
    paid: int, *, charge: int = 10000, status: str = "1", payer: str = "P1", icn: str = "ICN1", day: int = 1, **groups: int
) -> RemitReceivedV1:
    adjusted = sum(groups.values())
    return RemitReceivedV1(
        remit_id=uuid4(), remittance_id=uuid4(), interchange_id=uuid4(), claim_key=uuid4(), patient_control_number="PCN1",
        payer_claim_control_number=icn, payer_id=payer, payer_name=payer, payment_on=date(2026, 1, day),
        received_at=datetime(2026, 2, 2, tzinfo=UTC), claim_status_code=status, charge_cents=charge, paid_cents=paid,
        adjustments=(), totals=Totals(adjusted, groups, charge - paid - adjusted),
    )  # fmt: skip


def summed(*remits: RemitReceivedV1) -> Balance:
    return balance("local", KEY, 10000, remits)


def parts(told: Balance) -> tuple[int, int, int, int]:
    assert told.charge_cents == told.paid_cents + told.adjusted_cents + told.patient_cents + told.open_cents
    return told.paid_cents, told.adjusted_cents, told.patient_cents, told.open_cents


def codes(told: Balance) -> list[str]:
    return [each.code for each in told.findings]


def test_a_claim_that_nobody_answered_is_open_and_an_answered_one_is_shared_out() -> None:
    assert parts(summed()) == (0, 0, 0, 10000)
    assert parts(summed(remit(6000, CO=3000, PR=1000))) == (6000, 3000, 1000, 0)
    assert parts(summed(remit(6000, CO=3000))) == (6000, 3000, 0, 1000)  # what nobody explains stays open


def test_a_secondary_answer_counts_its_payment_and_says_what_is_left_to_the_patient() -> None:
    primary = remit(6000, CO=2000, PR=2000)
    whole = remit(1500, status="2", payer="P2", icn="S1", day=9, OA=8000, PR=500)
    told = summed(whole, primary)
    assert parts(told) == (7500, 2000, 500, 0)
    assert [(each.payer_id, each.rank, each.paid_cents) for each in told.payers] == [("P1", 1, 6000), ("P2", 2, 1500)]
    assert told.payers[0].adjusted_by_group == {"CO": 2000, "PR": 2000}


def test_a_reversal_undoes_the_adjudication_that_it_names_and_the_correction_takes_its_place() -> None:
    first, correction = remit(6000, CO=4000), remit(7000, day=5, CO=3000)
    reversal = remit(-6000, charge=-10000, status="22", day=5, CO=-4000)
    told = summed(correction, reversal, first)
    assert (parts(told), codes(told)) == ((7000, 3000, 0, 0), [])
    assert told.undone == {first.remit_id: reversal.remit_id}
    assert parts(summed(first, reversal)) == (0, 0, 0, 10000)


def test_a_reversal_without_its_original_counts_nothing_and_is_a_finding() -> None:
    first = remit(6000, CO=4000)
    for stranger in (
        remit(-6000, charge=-10000, status="22", icn="ANOTHER", CO=-4000),
        remit(-5999, charge=-10000, status="22", CO=-4001),
    ):
        told = summed(first, stranger)
        assert (parts(told), codes(told)) == ((6000, 4000, 0, 0), ["reversal_without_original"])
        assert told.findings[0].remit_id == stranger.remit_id


def test_parts_add_up_and_a_part_alone_leaves_the_rest_open() -> None:
    first, second = remit(5000, charge=6000, CO=1000), remit(3000, charge=4000, icn="ICN2", PR=1000)
    assert parts(summed(first)) == (5000, 1000, 0, 4000)
    assert parts(summed(first, second)) == (8000, 1000, 1000, 0)


def test_a_refusal_that_was_answered_anew_is_superseded_and_paying_twice_is_a_finding() -> None:
    refused, paid = remit(0, CO=10000), remit(8000, day=20, CO=2000)
    told = summed(paid, refused)
    assert (parts(told), told.superseded, codes(told)) == ((8000, 2000, 0, 0), (refused.remit_id,), [])
    again = summed(refused, paid, remit(8000, day=25, CO=2000))
    assert (again.paid_cents, codes(again)) == (16000, ["answered_twice"])


def test_what_was_only_passed_on_or_only_asked_about_counts_nothing() -> None:
    assert parts(summed(remit(0, status="23"), remit(8000, status="25", CO=2000))) == (0, 0, 0, 10000)


adjudications = st.builds(
    remit,
    st.integers(-100, 10000),
    charge=st.sampled_from([10000, 6000, 4000]),
    status=st.sampled_from(["1", "2", "3", "4", "22", "23"]),
    payer=st.sampled_from(["P1", "P2"]),
    day=st.integers(1, 28),
    CO=st.integers(-50, 5000),
    PR=st.integers(0, 5000),
)


@given(st.lists(adjudications, max_size=6), st.randoms())
def test_the_four_parts_are_the_charge_in_whatever_order_the_answers_came(remits, random) -> None:
    told = summed(*remits)
    parts(told)
    assert summed(*random.sample(remits, len(remits))) == told
    assert all(isinstance(each, UUID) for each in told.undone)
