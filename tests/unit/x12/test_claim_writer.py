"""Claims and answers that are written are read back equal; pyx12 takes what we write; what cannot be written is refused."""

import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from libs.x12 import Claim, Finding, SetAnswer, StatusRead
from libs.x12.acknowledgement import LineStatus, SetError, Status, StatusCode
from libs.x12.acknowledgement_writer import Inquiry, SetBatch, StatusBatch, write_inquiry, write_set_answers, write_statuses
from libs.x12.claim import Reference
from libs.x12.claim_writer import ClaimBatch, write_claims
from tests.support.pyx12_maps import examine
from tests.unit.x12 import build_claims as made
from tests.unit.x12 import drawn_claims
from tests.unit.x12.build import codes, encode, of, read

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
ENVELOPE: dict[str, Any] = {"sender_id": "CLINIC", "receiver_id": "PAYER", "control_number": 7, "created_at": NOW}


def written(*batches: ClaimBatch, line_end: str = "") -> bytes:
    return b"".join(write_claims(batches, **ENVELOPE, line_end=line_end))


def simple() -> ClaimBatch:
    return ClaimBatch(of(Claim, read(encode(made.one()))), "1", "SUBMITTER", "SUB1", "5550100000", "RECEIVER", "REC1")


def unplaced(claims: Sequence[Claim]) -> list[Claim]:
    return [replace(claim, ordinal=0, segment_index=0, byte_offset=0) for claim in claims]


def errors_of(data: bytes) -> list[Any]:
    """Return what pyx12 has against a file."""
    told = io.StringIO()
    if examine(data.decode(), errors=told):
        return []
    return list(_leaves(json.loads(told.getvalue())))


def _leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        if any("err" in name for name in node) and not any(isinstance(held, dict | list) for held in node.values()):
            yield node
        for held in node.values():
            yield from _leaves(held)
    elif isinstance(node, list):
        for held in node:
            yield from _leaves(held)


@given(batches=st.lists(drawn_claims.any_batch, min_size=1, max_size=2), line_end=st.sampled_from(["", "\r\n"]))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_claims_that_are_written_are_read_back_equal(batches: list[ClaimBatch], line_end: str) -> None:
    items = read(written(*batches, line_end=line_end), chunk=211)
    assert codes(items) == []
    assert unplaced(of(Claim, items)) == [claim for batch in batches for claim in batch.claims]


@given(batch=drawn_claims.any_batch)
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_claims_read_in_other_delimiters_are_written_in_ours(batch: ClaimBatch) -> None:
    plain = written(batch)
    other = plain.translate(bytes.maketrans(b"*:~", b"|>!"))
    again = replace(batch, claims=of(Claim, read(other)))
    assert written(again) == plain


@pytest.mark.parametrize("kind", ["professional", "institutional"])
@given(st.data())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_pyx12_has_nothing_against_what_is_written(kind: Any, data: st.DataObject) -> None:
    assert errors_of(written(data.draw(drawn_claims.batches(kind)))) == []


def test_pyx12_would_say_what_is_wrong() -> None:
    batch = simple()
    assert errors_of(written(batch).replace(b"~HI*ABK:", b"~HI*QQ:"))


def test_the_samples_are_written_back_as_they_are(samples: Path) -> None:
    for name in ("07-837p-cob.edi", "08-837i-two-claims.edi", "09-837d-dental.edi"):
        found = of(Claim, read((samples / name).read_bytes()))
        assert found, name
        items = read(written(ClaimBatch(found, "1", "S", "S1", "1", "R", "R1")))
        assert (codes(items), unplaced(of(Claim, items))) == ([], unplaced(found)), name


@pytest.mark.parametrize(
    "changes",
    [
        {"patient_control_number": "A*B"},
        {"patient_control_number": "A\x01B"},
        {"patient_control_number": "Ł"},
        {"references": (Reference("F8", "A~B"),)},
        {"facility_code": "1:1"},
        {"segments": ("NTE*ADD*A~SE*1",)},
    ],
)
def test_a_value_that_would_break_the_file_is_refused(changes: dict[str, Any]) -> None:
    batch = simple()
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the promise, an encoding error is one
        written(replace(batch, claims=[replace(batch.claims[0], **changes)]))


def test_a_batch_holds_claims_of_one_kind() -> None:
    batch = simple()
    other = [replace(claim, claim_type="dental") for claim in batch.claims]
    with pytest.raises(ValueError, match="one kind"):
        written(replace(batch, claims=[*batch.claims, *other]))


# -- what is answered

texts = st.text("ABCXYZ019", min_size=1, max_size=12)
codes_drawn = st.builds(
    StatusCode,
    category=st.sampled_from(["A1", "A2", "A3", "A7", "A8"]),
    code=st.sampled_from(["19", "20", "21", "562"]),
    entity=st.sampled_from(["", "85", "QC", "PR"]),
)
statuses_drawn = st.lists(
    st.builds(
        Status,
        codes=st.lists(codes_drawn, min_size=1, max_size=3).map(tuple),
        effective_on=st.just(date(2026, 1, 11)),
        action=st.sampled_from(["WQ", "U"]),
        charge_cents=st.none() | st.integers(0, 10**7),
        message=st.just("") | texts,
    ),
    min_size=1,
    max_size=2,
).map(tuple)


@st.composite
def answered(draw: st.DrawFn) -> StatusRead:
    pcn = draw(texts)
    return StatusRead(
        ordinal=0,
        segment_index=0,
        byte_offset=0,
        level="claim",
        trace=pcn,
        patient_control_number=pcn,
        statuses=draw(statuses_drawn),
        payer_name="PAYER",
        payer_id="PAYER1",
        provider_npi="1999999984",
        payer_claim_control_number=draw(st.just("") | texts),
        clearinghouse_number=draw(st.just("") | texts),
        type_of_bill=draw(st.just("") | st.just("131")),
        service_from_on=draw(st.none() | st.just(date(2026, 1, 5))),
        lines=tuple(
            draw(
                st.lists(
                    st.builds(
                        LineStatus,
                        procedure_code=drawn_claims.hcpcs,
                        charge_cents=st.integers(1, 10**7),
                        statuses=statuses_drawn,
                        qualifier=st.just("HC"),
                        modifiers=st.sampled_from([(), ("GP",)]),
                        line_control_number=st.just("") | texts,
                        service_from_on=st.none() | st.just(date(2026, 1, 5)),
                    ),
                    max_size=2,
                )
            )
        ),
    )


@given(st.lists(answered(), min_size=1, max_size=3))
@settings(max_examples=60)
def test_statuses_that_are_written_are_read_back_equal(told: list[StatusRead]) -> None:
    batch = StatusBatch("PAYER", "PAYER1", "CLINIC", "SUB1", "REF1", date(2026, 1, 11), told)
    items = read(b"".join(write_statuses([batch], **ENVELOPE)), chunk=97)
    assert codes(items) == []
    found = [replace(each, ordinal=0, segment_index=0, byte_offset=0) for each in of(StatusRead, items) if each.level == "claim"]
    assert found == told


set_errors = st.builds(
    SetError,
    segment_id=st.sampled_from(["CLM", "NM1", "SV1"]),
    segment_position=st.integers(1, 999),
    loop=st.sampled_from(["", "2300"]),
    segment_code=st.just("8"),
    element=st.none() | st.integers(1, 12),
    component=st.none(),
    element_code=st.just("7"),
    patient_control_number=st.sampled_from(["", "A", "B"]),
).map(lambda error: error if error.element else replace(error, element_code=""))
set_answers_drawn = st.builds(
    SetAnswer,
    ordinal=st.just(0),
    segment_index=st.just(0),
    byte_offset=st.just(0),
    functional_id=st.just("HC"),
    group_control_number=st.just("17"),
    set_type=st.just("837"),
    set_control_number=st.sampled_from(["0001", "0002"]),
    code=st.sampled_from(["A", "E", "R"]),
    reasons=st.sampled_from([(), ("5",)]),
    errors=st.lists(set_errors, max_size=3, unique_by=lambda error: error.segment_position).map(tuple),
)


@given(st.lists(set_answers_drawn, min_size=1, max_size=3))
@settings(max_examples=60)
def test_answers_to_sets_that_are_written_are_read_back_equal(answers: list[SetAnswer]) -> None:
    items = read(b"".join(write_set_answers([SetBatch("17", "005010X222A1", answers)], **ENVELOPE)), chunk=97)
    assert codes(items) == []
    assert [replace(each, ordinal=0, segment_index=0, byte_offset=0) for each in of(SetAnswer, items)] == answers


def test_a_status_inquiry_names_the_claim_and_holds_together() -> None:
    claim = simple().claims[0]
    data = write_inquiry(Inquiry(claim, "T1", "CLINIC", "SUB1", "ICN1"), **ENVELOPE)
    assert [finding.code for finding in of(Finding, read(data))] == ["unsupported_transaction"]
    assert f"REF*EJ*{claim.patient_control_number}~".encode() in data
    assert b"REF*1K*ICN1~" in data
