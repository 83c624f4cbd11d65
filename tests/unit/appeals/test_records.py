"""Which case a request for records belongs to, and what its codes ask for."""

from datetime import date
from uuid import UUID

import pytest

from services.appeals.evidence.checklists import Wanted, with_asked
from services.appeals.records.answering import TooLarge, split
from services.appeals.records.choosing import choose

A, B, C = (UUID(int=each) for each in (1, 2, 3))


def case(case_id: UUID, state: str = "filed", number: str = "ICN1", day: int = 1) -> dict:
    return {"case_id": case_id, "state": state, "payer_claim_control_number": number, "payment_on": date(2026, 1, day)}


def test_an_open_case_comes_before_the_number_the_number_before_the_newest() -> None:
    assert choose("ICN1", []) is None
    assert choose("ICN1", [case(A, "written_off"), case(B, number="ICN2")]) == B
    assert choose("ICN1", [case(A), case(B, number="ICN2", day=9)]) == A
    assert choose("ICN7", [case(A), case(B, day=9), case(C, day=5)]) == B
    assert choose("", [case(A, number="", day=2), case(B, number="ICN2", day=1)]) == A
    assert choose("ICN1", [case(A, "withdrawn")]) == A


def test_codes_become_items_that_are_needed_each_once() -> None:
    listed = (Wanted("remittance_extract", needed=True), Wanted("medical_records", needed=False))
    assert with_asked(listed, []) == listed
    assert [(each.item, each.needed) for each in with_asked(listed, ["18842-5", "34117-2", "11504-8", "x", "y"])] == [
        ("remittance_extract", True), ("medical_records", True), ("operative_report", True), ("requested_records", True),
    ]  # fmt: skip


def test_a_packet_is_split_by_the_number_and_the_size_that_a_payer_takes() -> None:
    assert split([5, 5, 5], 10, 100, 100) == [[0, 1, 2]]
    assert split([5, 5, 5], 2, 100, 100) == [[0, 1], [2]]
    assert split([5, 5, 5, 1], 10, 100, 11) == [[0, 1], [2, 3]]
    assert split([], 1, 1, 1) == []
    with pytest.raises(TooLarge) as refused:
        split([5, 12], 10, 11, 100)
    assert refused.value.place == 1
