"""What of a file is new, repeated or contradicting: the same content in any order and any split ends in the same books."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.booking import Batch, Candidate, Progress, Sorted, Stored, take
from services.ingest.received import Received
from services.ingest.sorting import EQUALS_MAX, in_question, payments_in_question, sort
from tests.unit.x12 import build
from tests.unit.x12.build import encode, read

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TENANT = "local"


def claim(number: int, paid: int = 80) -> tuple[str, ...]:
    return (f"CLP*PCN{number}*1*100*{paid}**12*ICN{number}", f"CAS*CO*45*{100 - paid}")


class Books:
    """What ingest's tables of remits and payments would hold."""

    def __init__(self) -> None:
        self.stored: dict[UUID, Stored] = {}
        self.booked: list[Candidate] = []
        self.amounts: dict[UUID, int] = {}

    def take(self, *transactions: Sequence[str], amount: int = 0, file: UUID | None = None, batch_claims: int = 2000) -> Sorted:
        """Book a file whose transactions say so many dollars; return how its (last batch of) claims fared."""
        head = (f"BPR*I*{amount}*C*ACH************20260110", *build.HEAD[1:])
        told = build.interchange(build.group(*(build.transaction(body, head=head) for body in transactions)))
        progress, batch = Progress(Received(TENANT, file or uuid4(), NOW, ""), NOW), Batch()
        take(progress, batch, read(encode(told)))
        for remittance_id, payment in batch.payments:
            self.amounts.setdefault(remittance_id, payment.amount_cents or 0)
        result = Sorted()
        for start in range(0, len(batch.candidates), batch_claims):
            result = self._book(batch.candidates[start : start + batch_claims])
        return result

    def _book(self, candidates: list[Candidate]) -> Sorted:
        stored = {each.remit_id: self.stored[each.remit_id] for each in candidates if each.remit_id in self.stored}
        equals = {kind: self._equals(each) for kind, each in in_question(candidates, stored).items()}
        open_cents = {each: self.amounts[each] - self._paid(each) for each in payments_in_question(candidates, equals)}
        result = sort(TENANT, candidates, stored, equals, open_cents, ())
        for each in result.new:
            assert each.remit_id not in self.stored
            assert each.event.remit_id == each.remit_id
            self.stored[each.remit_id] = Stored(
                each.digest, each.event.interchange_id, each.transaction_ordinal, each.remit.ordinal
            )
            self.booked.append(each)
        return result

    def _equals(self, candidate: Candidate) -> list[Stored]:
        names = (candidate.name_at(TENANT, place) for place in range(EQUALS_MAX))
        return [self.stored[name] for name in names if name in self.stored]

    def _paid(self, remittance_id: UUID) -> int:
        return sum(each.event.paid_cents for each in self.booked if each.event.remittance_id == remittance_id)

    def state(self) -> Counter[tuple[str, int]]:
        return Counter((each.remit.patient_control_number, each.remit.paid_cents // 100) for each in self.booked)


def fared(result: Sorted) -> list[Counter[str]]:
    return list(result.tallies.values())


def test_what_is_not_stored_is_new_and_what_is_stored_is_a_duplicate() -> None:
    books = Books()
    assert fared(books.take([*claim(1), *claim(2)])) == [{"new": 2}]
    again = books.take([*claim(1), *claim(2)])
    assert (fared(again), again.new, again.findings) == ([{"duplicate": 2}], [], {})


def test_what_this_very_reading_booked_before_it_broke_off_counts_as_new_and_is_not_written_again() -> None:
    books, file = Books(), uuid4()
    books.take([*claim(1), *claim(1)], file=file)
    again = books.take([*claim(1), *claim(1)], file=file)
    assert (fared(again), again.new) == ([{"new": 2}], [])


def test_other_money_under_the_same_name_is_a_conflict() -> None:
    books = Books()
    books.take(claim(1), amount=80)
    result = books.take(claim(1, paid=70), amount=80)
    (findings,) = result.findings.values()
    assert (fared(result), [each.code for each in findings]) == ([{"conflicting": 1}], ["remit_conflict"])


def test_a_payment_that_stands_twice_in_one_batch_is_new_once_in_whatever_order() -> None:
    equals = (*claim(1), *claim(1, paid=30))
    result = Books().take(equals, equals, equals[2:] + equals[:2], amount=110)
    assert fared(result) == [{"new": 2}, {"duplicate": 2}, {"duplicate": 2}]
    assert len(result.new) == 2


def test_a_payment_that_was_cut_off_and_comes_again_corrected_is_a_conflict_where_it_says_otherwise() -> None:
    books = Books()
    books.take([*claim(2), *claim(1)], amount=190)  # cut off before its third claim
    result = books.take([*claim(2), *claim(1, paid=70), *claim(1, paid=40)], amount=190)
    assert fared(result) == [{"duplicate": 1, "conflicting": 1, "new": 1}]
    assert books.state() == {("PCN2", 80): 1, ("PCN1", 80): 1, ("PCN1", 40): 1}


def test_equals_that_fall_into_two_batches_are_told_apart_alike() -> None:
    body = [*claim(1), *claim(1), *claim(1, paid=30)]
    books = Books()
    books.take(body, amount=190, batch_claims=1)
    assert books.state() == {("PCN1", 80): 2, ("PCN1", 30): 1}
    for batch_claims in (1, 2, 3):
        assert not books.take(body, amount=190, batch_claims=batch_claims).new


def test_very_many_equals_are_told_by_their_place() -> None:
    body = [segment for _ in range(EQUALS_MAX + 50) for segment in claim(1, paid=1)]
    books = Books()
    assert fared(books.take(body, amount=150)) == [{"new": 150}]
    assert fared(books.take(body, amount=150)) == [{"duplicate": 150}]


Told = list[tuple[int, int]]  # claims: number and dollars paid


@st.composite
def arrivals(draw: st.DrawFn, splits: int) -> tuple[Told, list[Told]]:
    """Draw a payment, equals among its claims, and its pieces in one split or several, shuffled.

    What two pieces of one split both hold, to the cent, cannot be told from what was sent twice: equal contents stay together.
    """
    whole = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=8))
    told: list[Told] = []
    for _ in range(draw(st.integers(1, splits))):
        pieces: dict[int, Told] = {}
        of = {each: draw(st.integers(0, 2)) for each in sorted(set(whole))}
        for each in draw(st.permutations(whole)):
            pieces.setdefault(of[each], []).append(each)
        told += pieces.values()
    return whole, draw(st.permutations(told))


def books_of(arriving: Sequence[Told], amount: int) -> Books:
    books = Books()
    for piece in arriving:
        books.take([segment for number, paid in piece for segment in claim(number, paid)], amount=amount)
    return books


@given(arrivals(splits=1))
@settings(max_examples=200)
def test_the_pieces_of_a_payment_in_any_order_come_to_the_whole(drawn: tuple[Told, list[Told]]) -> None:
    whole, pieces = drawn
    books = books_of([*pieces, *pieces], sum(paid for _, paid in whole))
    assert books.state() == Counter((f"PCN{number}", paid) for number, paid in whole)


@given(arrivals(splits=3))
@settings(max_examples=200)
def test_any_splits_and_the_whole_in_any_order_double_nothing(drawn: tuple[Told, list[Told]]) -> None:
    whole, pieces = drawn
    books = books_of([*pieces, whole, *pieces], sum(paid for _, paid in whole))
    assert books.state() == Counter((f"PCN{number}", paid) for number, paid in whole)
