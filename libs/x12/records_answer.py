"""A 275 that answers a request for records with documents: one set a packet, in pieces, so that no document is held in memory.

What is written: the documents as base64 of a MIME entity each. Source: ASC X12 006020X314.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Final

from msgspec import Struct

from libs.x12.compose import composite, day, encode, period, segment
from libs.x12.records_request import RequestedCode

VERSION: Final = "006020X314"
_INTERCHANGE: Final = "00602"
_END: Final = "~"
_CONTROL_NUMBER_MAX, _PARTY_LENGTH = 999_999_999, 15
_GROUP: Final = 3  # bytes that become four characters


class AnswerDocument(Struct, frozen=True):
    """One document: what it is, how long, and the question that it answers (None: the request as a whole)."""

    media_type: str
    size_bytes: int
    code: RequestedCode | None = None

    @property
    def head(self) -> bytes:
        """Return what stands before the document's bytes in its MIME entity."""
        return f"Content-Type: {self.media_type}\r\nContent-Transfer-Encoding: binary\r\n\r\n".encode("ascii")


class RecordsAnswer(Struct, frozen=True):
    """One set: which request of whom is answered about which claim. The patient's fields are patient data."""

    reference: str
    trace: str
    payer_name: str
    payer_id: str
    provider_name: str
    provider_npi: str
    last_name: str
    first_name: str
    member_id: str
    patient_control_number: str
    payer_claim_control_number: str
    service_from_on: date
    service_to_on: date | None
    documents: Sequence[AnswerDocument]


class Content(Struct, frozen=True):
    """The place of a document's bytes in what is written: its set and its place there. They go through `Base64`, after `head`."""

    answer: int
    document: int
    head: bytes


class Base64:
    """Encodes bytes that come in pieces of any length."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, piece: bytes) -> bytes:
        """Return what of all bytes so far can be written."""
        held = self._left + piece
        whole = len(held) - len(held) % _GROUP
        self._left = held[whole:]
        return base64.b64encode(held[:whole])

    def end(self) -> bytes:
        """Return the rest."""
        left, self._left = self._left, b""
        return base64.b64encode(left)


def write_answers(
    answers: Sequence[RecordsAnswer], *, sender_id: str, receiver_id: str, control_number: int, created_at: datetime
) -> Iterator[bytes | Content]:
    """Yield one interchange: bytes, and where a document's own bytes belong.

    Errors: ValueError when a value cannot stand in a file, before anything is yielded.
    """
    if not 0 <= control_number <= _CONTROL_NUMBER_MAX or max(len(sender_id), len(receiver_id)) > _PARTY_LENGTH:
        raise ValueError("a party or the control number does not fit the interchange header")
    written = [(list(_header(answer, created_at)), list(_documents(answer, created_at))) for answer in answers]
    time = f"{created_at:%H%M}"
    opening = [
        segment(
            "ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{sender_id:<15}", "ZZ", f"{receiver_id:<15}", f"{created_at:%y%m%d}",
            time, "^", _INTERCHANGE, f"{control_number:09d}", "0", "P", ":",
        ),
        segment("GS", "PI", sender_id, receiver_id, day(created_at), time, str(control_number), "X", VERSION),
    ]  # fmt: skip
    sets = [_pieces(place, answers[place], head, loops) for place, (head, loops) in enumerate(written)]
    closing = [segment("GE", str(len(answers)), str(control_number)), segment("IEA", "1", f"{control_number:09d}")]
    encoded = encode(opening, _END), encode(closing, _END)
    return _joined(encoded[0], sets, encoded[1])


def _joined(opening: bytes, sets: Iterable[list[bytes | Content]], closing: bytes) -> Iterator[bytes | Content]:
    yield opening
    for pieces in sets:
        yield from pieces
    yield closing


def _pieces(place: int, answer: RecordsAnswer, head: list[str], loops: list[list[str]]) -> list[bytes | Content]:
    control = f"{place + 1:04d}"
    found: list[bytes | Content] = [encode([segment("ST", "275", control, VERSION), *head], _END)]
    for number, (document, loop) in enumerate(zip(answer.documents, loops, strict=True)):
        length = -(-(len(document.head) + document.size_bytes) // _GROUP) * 4
        found += [encode(loop, _END) + f"BDS*B64*{length}*".encode(), Content(place, number, document.head), _END.encode()]
    count = len(head) + 2 + sum(len(loop) + 1 for loop in loops)
    found.append(encode([segment("SE", str(count), control)], _END))
    return found


def _header(answer: RecordsAnswer, created_at: datetime) -> Iterator[str]:
    yield segment("BGN", "11", answer.reference, day(created_at))
    yield segment("NM1", "PR", "2", answer.payer_name, "", "", "", "", "PI", answer.payer_id)
    yield segment("NM1", "41", "2", answer.provider_name, "", "", "", "", "46", answer.provider_npi)
    yield segment("NM1", "1P", "2", answer.provider_name, "", "", "", "", "XX", answer.provider_npi)
    yield segment("NM1", "QC", "1", answer.last_name, answer.first_name, "", "", "", "MI", answer.member_id)
    yield segment("REF", "EJ", answer.patient_control_number)
    if answer.payer_claim_control_number:
        yield segment("REF", "1K", answer.payer_claim_control_number)
    yield period("DTP", "472", answer.service_from_on, answer.service_to_on)


def _documents(answer: RecordsAnswer, created_at: datetime) -> Iterator[list[str]]:
    for number, document in enumerate(answer.documents, start=1):
        loop = [segment("LX", str(number)), segment("TRN", "2", answer.trace)]
        if document.code is not None:
            asked = document.code
            loop.append(segment("STC", composite(asked.category, asked.code, "", asked.code_list)))
        loop += [segment("DTP", "368", "D8", day(created_at)), segment("CAT", "AE", "IA"), segment("OOI", "1", "47", "ATTACHMENT")]
        yield loop
