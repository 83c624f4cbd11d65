"""Whose money it is: every recovered cent in one appeal, never more than later remits paid, in whatever order they are read."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.appeals.outcomes.attribution import (
    Brought,
    Contest,
    Denied,
    Paid,
    Said,
    attribute,
    is_answer,
    refused_cents,
    settle,
)
from tests.unit.appeals.test_workflow import NOW

DAY = date(2026, 1, 1)


def paid(ordinal: int, day: int, cents: int, *, charge: int = 100, **told: Any) -> Paid:
    """Make a remit; negative cents or charge: a reversal."""
    is_reversal = cents < 0 or charge < 0
    fields: dict[str, Any] = {
        "remit_id": UUID(int=ordinal),
        "payer_id": "P",
        "number": "N1",
        "payment_on": DAY + timedelta(days=day),
        "is_answer": not is_reversal,
        "charge_cents": -abs(charge) if is_reversal else charge,
        "paid_cents": cents,
        "refused_cents": 0 if is_reversal else charge - cents,
    }
    return Paid(**fields | told)


def denied(ordinal: int, remit: Paid) -> Denied:
    return Denied(UUID(int=ordinal), remit)


def unfiled(case: Denied, cents: int = 100) -> Contest:
    return Contest(UUID(int=case.case_id.int * 100), case.case_id, cents)


def filed(case: Denied, number: int, day: int, cents: int = 100, **told: Any) -> Contest:
    return Contest(UUID(int=case.case_id.int * 100 + number), case.case_id, cents, DAY + timedelta(days=day), **told)


def outcome(contest: Contest, brought: Brought | None, said: Said | None = None, *, was_told: bool = False) -> Any:
    settled = settle(contest, brought, said, was_told=was_told)
    return None if settled is None else (settled.outcome, settled.recovered_cents, settled.decided_by)


FIRST = paid(1, 0, 0)
CASE = denied(1, FIRST)


def test_a_reversal_with_its_correction_pays_what_the_two_pay_above_the_denied_remit() -> None:
    before = paid(1, 0, 30)
    case = denied(1, before)
    appeal = filed(case, 1, 5, 70)
    brought = attribute([case], [appeal], [before, paid(2, 20, -30), paid(3, 20, 100, number="N2")])
    assert brought == {appeal.appeal_id: Brought(70, paid(3, 20, 100, number="N2"))}
    assert outcome(appeal, brought[appeal.appeal_id]) == ("overturned", 70, "remittance")


def test_an_additional_payment_is_recovered_as_it_is() -> None:
    appeal = filed(CASE, 1, 5)
    brought = attribute([CASE], [appeal], [FIRST, paid(2, 20, 60)])
    assert outcome(appeal, brought[appeal.appeal_id]) == ("partly_overturned", 60, "remittance")


def test_a_partial_overturn_over_two_remittances_is_one_outcome_with_the_sum() -> None:
    appeal = filed(CASE, 1, 5)
    brought = attribute([CASE], [appeal], [FIRST, paid(2, 20, 60), paid(3, 40, 40)])
    assert outcome(appeal, brought[appeal.appeal_id]) == ("overturned", 100, "remittance")


def test_what_is_left_to_the_contract_and_the_patient_is_no_longer_disputed() -> None:
    granted = paid(2, 20, 70, refused_cents=refused_cents(100, 70, [("CO", "45", 20), ("PR", "2", 10)]))
    appeal = filed(CASE, 1, 5)
    brought = attribute([CASE], [appeal], [FIRST, granted])
    assert outcome(appeal, brought[appeal.appeal_id]) == ("overturned", 70, "remittance")
    assert refused_cents(100, 70, [("CO", "50", 30)]) == 30


def test_an_answer_without_money_upholds_what_was_filed_and_nothing_that_was_not() -> None:
    again = paid(2, 20, 0)
    appeal = filed(CASE, 1, 5)
    assert outcome(appeal, attribute([CASE], [appeal], [FIRST, again])[appeal.appeal_id]) == ("upheld", 0, "remittance")
    case = unfiled(CASE)
    assert outcome(case, attribute([CASE], [case], [FIRST, again])[case.appeal_id]) is None


def test_that_the_payer_has_the_claim_already_is_no_answer() -> None:
    assert not is_answer("1", 0, {"18"})
    assert not is_answer("22", -5, set())
    assert is_answer("1", 0, {"50"})
    assert is_answer("1", 5, {"18"})


def test_what_is_paid_and_taken_back_is_nothing_and_what_was_told_before_is_told_again() -> None:
    case = unfiled(CASE)
    brought = attribute([CASE], [case], [FIRST, paid(2, 20, 60), paid(3, 30, -60)])
    assert outcome(case, brought[case.appeal_id]) is None
    assert outcome(case, brought[case.appeal_id], was_told=True) == ("upheld", 0, "remittance")


def test_a_second_denial_takes_over_and_a_take_back_takes_the_newest_money_first() -> None:
    second = paid(2, 20, 60)
    cases = [CASE, denied(2, second)]
    contests = [unfiled(each) for each in cases]
    so_far = [FIRST, second, paid(3, 40, 30)]
    brought = attribute(cases, contests, so_far)
    assert [brought[each.appeal_id].recovered_cents for each in contests] == [60, 30]
    brought = attribute(cases, contests, [*so_far, paid(4, 50, -50)])
    assert [brought[each.appeal_id].recovered_cents for each in contests] == [40, 0]


def test_money_goes_to_the_level_that_was_filed_last_before_it() -> None:
    first, second = filed(CASE, 1, 5), filed(CASE, 2, 30, 100)
    brought = attribute([CASE], [first, second], [FIRST, paid(2, 20, 0), paid(3, 50, 100)])
    assert outcome(first, brought[first.appeal_id]) == ("upheld", 0, "remittance")
    assert outcome(second, brought[second.appeal_id]) == ("overturned", 100, "remittance")


def test_another_claim_of_the_account_is_not_taken_for_an_answer() -> None:
    before = paid(1, 0, 0, service_from_on=DAY, claim_id=UUID(int=7))
    case = denied(1, before)
    appeal = filed(case, 1, 5)
    others = [
        paid(2, 20, 100, number="N2", service_from_on=DAY + timedelta(days=1)),
        paid(3, 20, 80, number="N3", charge=80, service_from_on=DAY, claim_id=UUID(int=8)),
        paid(4, 20, 100, payer_id="Q", service_from_on=DAY),
        paid(5, 0, 50, number="N1", charge=50),
    ]
    assert attribute([case], [appeal], [before, *others]) == {}
    corrected = filed(case, 1, 5, corrected_claim_id=UUID(int=8))
    assert attribute([case], [corrected], [before, *others])[corrected.appeal_id].recovered_cents == 80


def test_two_parts_of_a_split_claim_are_paid_each_under_its_own_number() -> None:
    parts = [denied(1, paid(1, 0, 0, number="A")), denied(2, paid(2, 0, 0, number="B", charge=50))]
    contests = [unfiled(parts[0]), unfiled(parts[1], 50)]
    brought = attribute(parts, contests, [paid(3, 20, 100, number="A"), paid(4, 20, 50, number="B", charge=50)])
    assert [brought[each.appeal_id].recovered_cents for each in contests] == [100, 50]


def test_money_says_more_than_a_person_and_a_person_more_than_an_answer_without_money() -> None:
    appeal = filed(CASE, 1, 5)
    won, lost = Said("overturned", DAY, NOW), Said("upheld", DAY, NOW)
    assert outcome(appeal, None, won) == ("overturned", 0, "person")
    assert outcome(appeal, Brought(0, paid(2, 20, 0)), won) == ("overturned", 0, "person")
    assert outcome(appeal, Brought(60, paid(2, 20, 60)), lost) == ("partly_overturned", 60, "remittance")
    assert outcome(appeal, None) is None


_remits = st.lists(
    st.tuples(st.integers(1, 12), st.integers(-120, 120), st.sampled_from(["N1", "N2", "N3"]), st.booleans()), max_size=9
)


@settings(max_examples=300, deadline=None)
@given(told=_remits, filings=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 12)), max_size=4), chance=st.randoms())
def test_no_more_is_recovered_than_later_remits_paid_and_no_order_matters(told: Any, filings: Any, chance: Any) -> None:
    remits = [FIRST, *(paid(number + 2, day, cents, number=icn) for number, (day, cents, icn, _) in enumerate(told))]
    again = [each for each, (*_, is_denied) in zip(remits[1:], told, strict=True) if is_denied and each.is_answer]
    cases = [denied(number, remit) for number, remit in enumerate([FIRST, *again], start=1)]
    contests = [unfiled(each) for each in cases]
    contests += [filed(cases[case % len(cases)], number, day) for number, (case, day) in enumerate(filings, start=1)]
    brought = attribute(cases, contests, remits)
    above = sum(each.paid_cents for each in remits if each.payment_on > FIRST.payment_on)
    assert sum(each.recovered_cents for each in brought.values()) == max(above, 0)
    assert all(each.recovered_cents >= 0 for each in brought.values())
    shuffled = [*remits, *remits[:3]]
    for each in (shuffled, cases, contests):
        chance.shuffle(each)
    assert attribute(cases, contests, shuffled) == brought
