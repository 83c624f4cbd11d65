"""How denials end by what the payer adjudicates next, whatever the order in which it comes."""

import itertools
from collections.abc import Iterable
from datetime import date
from uuid import UUID

import pytest

from libs.common.reversals import Reversible
from services.classifier.odds.answers import Adjudication, Answered, answers
from services.classifier.odds.outcomes import contest_of, level_of

SERVICE = date(2026, 1, 2)


def reversible(number: int, day: int, *, paid: int = 0, charge: int = 10_000, payer: str = "P") -> Reversible:
    return Reversible(UUID(int=number), "local", UUID(int=9), payer, "ICN", date(2026, 2, day), charge, paid)


def denied(number: int, day: int, *, paid: int = 0, standing: bool = True, category: str = "authorization") -> Adjudication:
    return Adjudication(reversible(number, day, paid=paid), SERVICE, category, 10_000 - paid, standing=standing)


def paid(number: int, day: int, cents: int = 8_000, *, service_on: date | None = SERVICE, charge: int = 10_000) -> Adjudication:
    return Adjudication(reversible(number, day, paid=cents, charge=charge), service_on)


def endings(account: Iterable[Adjudication], reversals: Iterable[Reversible] = ()) -> list[tuple[int, str, int]]:
    return [(each.remit_id.int, each.ending, each.recovered_cents) for each in answers(list(account), list(reversals))]


def test_a_later_payment_overturns_and_a_second_refusal_upholds() -> None:
    assert endings([denied(1, 1), paid(2, 9)]) == [(1, "overturned", 8_000)]
    assert endings([denied(1, 1), denied(2, 9)]) == [(1, "upheld", 0)]
    assert endings([denied(1, 1), denied(2, 9, paid=3_000)]) == [(1, "partly_overturned", 3_000)]


def test_each_try_has_its_own_ending() -> None:
    assert endings([denied(1, 1), denied(2, 5), paid(3, 9)]) == [(1, "upheld", 0), (2, "overturned", 8_000)]


def test_a_reversal_with_its_correction_overturns_the_retracted_denial() -> None:
    assert endings([denied(1, 9, paid=2_000, standing=False), paid(2, 9)]) == [(1, "overturned", 6_000)]


def test_a_payment_that_is_taken_back_has_not_been() -> None:
    account = [denied(1, 1), paid(2, 5)]
    assert endings(account, [reversible(3, 9, paid=8_000)]) == []
    assert endings([*account, denied(4, 12)], [reversible(3, 9, paid=8_000)]) == [(1, "upheld", 0)]


@pytest.mark.parametrize(
    "other",
    [
        paid(2, 9, service_on=date(2026, 1, 3)),
        paid(2, 9, charge=20_000),
        Adjudication(reversible(2, 9, paid=8_000, payer="Q"), SERVICE),
        denied(2, 9, category="duplicate"),
        paid(2, 1),
    ],
    ids=["another day of service", "another charge", "another payer", "a duplicate", "the same day"],
)
def test_what_is_another_claim_or_no_answer_ends_nothing(other: Adjudication) -> None:
    assert endings([denied(1, 1), other]) == []


def test_what_becomes_the_patients_or_anothers_to_pay_is_no_win() -> None:
    assert endings([denied(1, 1), paid(2, 9, 0)]) == []


def test_an_unknown_day_of_service_fits_any() -> None:
    assert endings([denied(1, 1), paid(2, 9, service_on=None)]) == [(1, "overturned", 8_000)]


def test_no_more_comes_back_than_was_refused() -> None:
    (found,) = answers([denied(1, 1, paid=9_000), paid(2, 9, 9_900)], [])
    assert isinstance(found, Answered)
    assert (found.disputed_cents, found.recovered_cents) == (1_000, 1_000)


def test_every_order_of_arrival_ends_alike() -> None:
    account = [denied(1, 1), denied(2, 5), paid(3, 9), paid(4, 12)]
    reversals = [reversible(5, 10, paid=8_000)]
    expected = endings(account, reversals)
    assert all(endings(order, reversals) == expected for order in itertools.permutations(account))


def test_what_would_be_sent_and_at_which_level() -> None:
    assert contest_of("contact_payer", ("write_off", "appeal")) == "appeal"
    assert contest_of("bill_other_payer", ("appeal",)) is None
    assert level_of("send_documents", "redetermination") == "send_documents"
    assert level_of("appeal", "redetermination") == level_of("appeal") == "first_level"
    assert level_of("appeal", "external_review") == "external_review"
