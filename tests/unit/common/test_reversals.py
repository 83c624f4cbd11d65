"""Reversals find what they undo, whatever the order in which all of it arrives."""

import random
from datetime import date
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.common.reversals import Reversible, pair

ACCOUNT = UUID(int=1)


def remit(number: int, **changed: Any) -> Reversible:
    told: dict[str, Any] = {
        "tenant_id": "local",
        "claim_key": ACCOUNT,
        "payer_id": "1999999999",
        "payer_claim_control_number": "ICN1",
        "payment_on": date(2026, 1, 10),
        "charge_cents": 10000,
        "paid_cents": 0,
    }
    return Reversible(remit_id=UUID(int=number), **told | changed)


DRAWN = st.builds(
    remit,
    st.integers(1, 10**6),
    payer_claim_control_number=st.sampled_from(["", "ICN1", "ICN2"]),
    payment_on=st.sampled_from([date(2026, 1, 10), date(2026, 2, 10)]),
    charge_cents=st.sampled_from([10000, 20000]),
    paid_cents=st.sampled_from([0, 5000]),
)
MANY = st.lists(DRAWN, max_size=8, unique_by=lambda each: each.remit_id)


def test_a_reversal_undoes_its_equal_and_only_one() -> None:
    assert pair([remit(1), remit(2)], [remit(3)]) == {UUID(int=1): UUID(int=3)}


def test_of_two_equal_payments_the_older_is_undone() -> None:
    assert pair([remit(1, payment_on=date(2026, 2, 1)), remit(2)], [remit(3)]) == {UUID(int=2): UUID(int=3)}


def test_another_amount_is_never_undone() -> None:
    assert pair([remit(1, paid_cents=1)], [remit(3)]) == {}


def test_another_payer_or_tenant_is_never_undone() -> None:
    assert pair([remit(1, payer_id="2"), remit(2, tenant_id="other")], [remit(3)]) == {}


def test_a_missing_control_number_fits_any_but_an_equal_one_fits_better() -> None:
    nameless = remit(1, payer_claim_control_number="", payment_on=date(2026, 1, 1))
    assert pair([nameless, remit(2)], [remit(3)]) == {UUID(int=2): UUID(int=3)}
    assert pair([nameless], [remit(3)]) == {UUID(int=1): UUID(int=3)}
    assert pair([remit(2)], [remit(3, payer_claim_control_number="")]) == {UUID(int=2): UUID(int=3)}


def test_two_control_numbers_that_differ_never_pair() -> None:
    assert pair([remit(1, payer_claim_control_number="ICN2")], [remit(3)]) == {}


@given(MANY, MANY, st.randoms(use_true_random=False))
def test_the_pairs_are_the_same_in_every_order(
    adjudications: list[Reversible], reversals: list[Reversible], chance: random.Random
) -> None:
    shuffled = chance.sample(adjudications, len(adjudications)), chance.sample(reversals, len(reversals))
    assert pair(*shuffled) == pair(adjudications, reversals)


@given(MANY, MANY)
def test_no_reversal_is_used_twice_and_none_waits_beside_what_it_could_undo(
    adjudications: list[Reversible], reversals: list[Reversible]
) -> None:
    pairs = pair(adjudications, reversals)
    assert len(set(pairs.values())) == len(pairs)
    standing = [each for each in adjudications if each.remit_id not in pairs]
    idle = [each for each in reversals if each.remit_id not in pairs.values()]
    assert pair(standing, idle) == {}
