"""The answer to a request for records: what is written is read back, whole, byte for byte."""

import base64
from datetime import UTC, date, datetime

import pytest

from libs.x12 import Finding, InterchangeReader, RequestedCode, TransactionClosed
from libs.x12.records_answer import AnswerDocument, Base64, Content, RecordsAnswer, write_answers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODIES = [[b"%PDF ~ISA*IEA*~ 1", bytes(range(256)) * 300], [b""]]


def answer(reference: str, bodies: list[bytes], last_name: str = "FAMILY") -> RecordsAnswer:
    code = RequestedCode("R4", "11504-8", "LOI")
    return RecordsAnswer(
        reference=reference,
        trace="CTL7",
        payer_name="PAYER",
        payer_id="PAYER1",
        provider_name="CLINIC",
        provider_npi="1999999984",
        last_name=last_name,
        first_name="GIVEN",
        member_id="M1",
        patient_control_number="PCN1",
        payer_claim_control_number="ICN1",
        service_from_on=date(2026, 1, 2),
        service_to_on=None,
        documents=[AnswerDocument("application/pdf", len(body), None if place else code) for place, body in enumerate(bodies)],
    )


def written(*answers: RecordsAnswer) -> bytes:
    found = b""
    for piece in write_answers(answers, sender_id="CLINIC", receiver_id="PAYER1", control_number=7, created_at=NOW):
        if isinstance(piece, Content):
            encoder, body = Base64(), BODIES[piece.answer][piece.document]
            found += encoder.feed(piece.head)
            found += b"".join(encoder.feed(body[at : at + 7]) for at in range(0, len(body), 7)) + encoder.end()
        else:
            found += piece
    return found


def test_our_own_reader_finds_nothing_wrong_in_it() -> None:
    reader = InterchangeReader()
    items = [*reader.feed(written(answer("A-1", BODIES[0]), answer("A-2", BODIES[1]))), *reader.close()]
    assert [(each.type, each.complete) for each in items if isinstance(each, TransactionClosed)] == [("275", True)] * 2
    found = {each.code for each in items if isinstance(each, Finding)}
    assert found == {"unsupported_transaction", "binary_segment"}, "it is read no further than its envelope, and counts agree"


def test_it_says_of_which_edition_it_is() -> None:
    told = written(answer("A-1", BODIES[0]), answer("A-2", BODIES[1]))
    edition = b"006020X314"
    (group,) = [each.split(b"*") for each in told.split(b"~") if each.startswith(b"GS*")]
    assert (group[1], group[7], group[8]) == (b"PI", b"X", edition)
    assert [f"ST*275*{number:04d}*".encode() + edition + b"~BGN*11*" in told for number in (1, 2)] == [True, True]


def test_each_document_comes_back_byte_for_byte_with_what_it_answers() -> None:
    first, second = written(answer("A-1", BODIES[0]), answer("A-2", BODIES[1])).split(b"ST*275*0002")
    loops = first.split(b"LX*")[1:]
    for loop, body in zip([*loops, second.split(b"LX*")[1]], [*BODIES[0], *BODIES[1]], strict=True):
        length, _, rest = loop.partition(b"BDS*B64*")[2].partition(b"*")
        entity = base64.b64decode(rest[: int(length)], validate=True)
        assert rest[int(length) :].startswith(b"~")
        assert entity == b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
    assert loops[0].startswith(b"1~TRN*2*CTL7~STC*R4:11504-8::LOI~DTP*368*D8*20260301~CAT*AE*IA~OOI*1*47*ATTACHMENT~BDS*")
    assert loops[1].startswith(b"2~TRN*2*CTL7~DTP*368")


def test_a_value_that_cannot_stand_in_a_file_is_refused_before_anything_is_written() -> None:
    with pytest.raises(ValueError, match="delimiter"):
        written(answer("A-1", BODIES[0], last_name="FAM*ILY"))
    with pytest.raises(ValueError, match="latin-1"):
        written(answer("A-1", BODIES[0], last_name="Łukasz"))
