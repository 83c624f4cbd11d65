"""What is written is read back equal, and what cannot be written is refused."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.x12 import (
    Adjustment,
    Finding,
    Item,
    Payment,
    PaymentRead,
    Remit,
    RemittanceSet,
    ServiceLine,
    TransactionClosed,
    write_interchange,
)
from tests.unit.x12 import drawn
from tests.unit.x12.build import claims, codes, of, read

CREATED_AT = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


def written(each: Sequence[RemittanceSet], line_end: str = "") -> bytes:
    pieces = write_interchange(
        each, sender_id="PAYER", receiver_id="CLINIC", control_number=7, created_at=CREATED_AT, line_end=line_end
    )  # fmt: skip
    return b"".join(pieces)


def unplaced(remit: Remit) -> Remit:
    return msgspec.structs.replace(remit, ordinal=0, segment_index=0, byte_offset=0)


def no_surprise(items: Sequence[Item]) -> None:
    """Only imbalances may be found: the drawn amounts need not add up."""
    assert {each.code for each in of(Finding, items)} <= {
        "line_out_of_balance",
        "claim_out_of_balance",
        "transaction_out_of_balance",
    }


@given(each=st.lists(drawn.sets, min_size=1, max_size=3), line_end=st.sampled_from(["", "\n", "\r\n"]))
@settings(max_examples=120)
def test_what_is_written_is_read_back_equal(each: list[RemittanceSet], line_end: str) -> None:
    items = read(written(each, line_end), chunk=113)
    no_surprise(items)
    assert [unplaced(remit) for remit in claims(items)] == [remit for one in each for remit in one.remits]
    assert [closed.provider_adjustments for closed in of(TransactionClosed, items)] == [
        tuple(one.provider_adjustments) for one in each
    ]
    for one, payment in zip(each, of(PaymentRead, items), strict=True):
        for name in (
            "amount_cents",
            "payment_on",
            "trace_number",
            "payer_id",
            "payer_name",
            "payee_name",
            "payee_id",
            "produced_on",
        ):
            assert getattr(payment, name) == getattr(one.payment, name)


@given(each=st.lists(drawn.sets, min_size=1, max_size=2))
@settings(max_examples=40)
def test_writing_what_was_read_gives_the_same_bytes(each: list[RemittanceSet]) -> None:
    first = written(each)
    found = claims(read(first))
    again, start = [], 0
    for one in each:
        again.append(msgspec.structs.replace(one, remits=found[start : start + len(one.remits)]))
        start += len(one.remits)
    assert written(again) == first


PAYMENT = Payment(8000, date(2026, 1, 10), "T1", "1999999999", "PAYER", "CLINIC", "1999999984")


def simple(**changes: object) -> Remit:
    remit = Remit((), "*", 0, 0, 0, "A", "1", 10000, 8000, 0, 2000, adjustments=(Adjustment("CO", "45", 2000),))
    return msgspec.structs.replace(remit, **changes)


def test_a_written_file_has_a_header_of_106_bytes_and_true_counts() -> None:
    data = written([RemittanceSet(PAYMENT, [simple()]), RemittanceSet(PAYMENT, [simple(patient_control_number="B")])])
    assert data[:3] == b"ISA"
    assert data[105:108] == b"~GS"
    assert codes(read(data)) == []


def test_claims_read_in_other_delimiters_are_written_in_ours() -> None:
    found = simple(segments=("REF|F8|ICN1",), separator="|")
    (remit,) = claims(read(written([RemittanceSet(PAYMENT, [found])])))
    assert remit.reference("F8") == "ICN1"


@pytest.mark.parametrize(
    "changes",
    [
        {"patient_control_number": "A*B"},
        {"patient_control_number": "A~B"},
        {"patient_control_number": "A\nB"},
        {"segments": ("REF*F8*A~SE*1",)},
        {"lines": (ServiceLine((), "*", 0, 0, 0, "G02:83", "HC"),)},
        {"lines": (ServiceLine((), "*", 0, 0, 0, "G0283", "HC", ("G:P",)),)},
        {"patient_control_number": "\u0141"},
    ],
)
def test_a_value_that_would_break_the_file_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the promise, an encoding error is one
        written([RemittanceSet(PAYMENT, [simple(**changes)])])


def test_a_sender_or_a_number_that_does_not_fit_the_header_is_refused() -> None:
    def write(sender_id: str, control_number: int) -> None:
        list(write_interchange([], sender_id=sender_id, receiver_id="C", control_number=control_number, created_at=CREATED_AT))

    write("PAYER", 1)
    for sender_id, control_number in (("PA*YER", 1), ("PAYER", 10**9), ("PAYER", -1), ("P" * 16, 1)):
        with pytest.raises(ValueError, match=r"delimiter|fit"):
            write(sender_id, control_number)
