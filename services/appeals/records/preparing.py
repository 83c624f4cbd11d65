"""Prepares the answer to a request for records: a 275 around documents of the case, with the claim as ingest has it."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.neighbour import Behalf
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import FieldProblem
from libs.x12 import Claim, RequestedCode
from libs.x12.records_answer import AnswerDocument, Base64, Content
from services.appeals.documents import store as documents
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.store import Exhibit
from services.appeals.evidence.store import get_case
from services.appeals.ingest import Ingest
from services.appeals.letters.gathering import entry_of
from services.appeals.letters.packing import FILE_BYTES_MAX, FILES_MAX, PARTS_MAX, Limits
from services.appeals.records import answering, store
from services.appeals.records.answering import Asked, TooLarge
from services.appeals.records.views import AnswerRecords

# The ways by which a 275 goes: what a payer takes by one of them is what a set may hold.
_CHANNELS: Final = ("clearinghouse", "https", "folder")
_TOTAL_BYTES_MAX: Final = FILES_MAX * FILE_BYTES_MAX


class Prepared(Struct, frozen=True):
    """A 275 as it will be written. `bodies` are the documents of each set."""

    written: Iterator[bytes | Content]
    bodies: Sequence[Sequence[Exhibit]]

    async def stream(self, blobs: Blobs) -> AsyncGenerator[bytes, None]:
        """Yield the file, once; each document is read as it goes out."""
        for piece in self.written:
            if not isinstance(piece, Content):
                yield piece
                continue
            exhibit, encoder = self.bodies[piece.answer][piece.document], Base64()
            yield encoder.feed(piece.head)
            async for part in blobs.stream(exhibit.key, 0, exhibit.size_bytes):
                yield encoder.feed(part)
            yield encoder.end()


class Gathered(Struct, frozen=True):
    """What an answer is made of, beside the claim: the request, whose remit it is about, and the documents of each set."""

    asked: Mapping[Any, Any]
    remit_id: UUID
    packets: Sequence[Sequence[tuple[Exhibit, AnswerDocument]]]


async def gather(tx: AsyncConnection, tenant: str, case_id: UUID, body: AnswerRecords, channel: str | None = None) -> Gathered:
    """Return what is here. Without a `channel` the payer's first electronic one says what a set may hold.

    Errors: Problem 404, 409 (a document is too large), 422 (a code not asked for).
    """
    case = await get_case(tx, tenant, case_id)
    if case is None:
        raise not_found("case")
    asked = await store.request_of(tx, tenant, case_id, body.request_id)
    if asked is None:
        raise not_found("request for records of this case")
    chosen = await _chosen(tx, tenant, case_id, body)
    limits = await _limits(tx, tenant, case["payer_id"], channel)
    return Gathered(asked, case["remit_id"], _packets(chosen, body, asked, limits))


async def prepare(ingest: Ingest, found: Gathered, now: datetime, behalf: Behalf) -> Prepared:
    """Return the answer. Errors: Problem 409 (what it must say is not known), 503."""
    asked = found.asked
    claim = await _claim(ingest, found.remit_id, asked["claim_id"], behalf)
    reference = asked["request_id"].hex
    told = Asked(reference, asked["trace"], asked["payer_name"], asked["payer_id"], asked["payer_claim_control_number"])
    lacks = list(answering.lacking(told, claim))
    if lacks:
        detail = "The request or the claim lacks what an answer must say; send the documents another way."
        raise Problem(409, "answer-incomplete", detail, lacks=lacks)
    try:
        written = answering.write(told, claim, [[document for _, document in packet] for packet in found.packets], now)
    except ValueError as error:
        raise Problem(409, "answer-unwritable", "A value of the request or the claim cannot stand in an X12 file.") from error
    return Prepared(written, [[exhibit for exhibit, _ in packet] for packet in found.packets])


async def _chosen(tx: AsyncConnection, tenant: str, case_id: UUID, body: AnswerRecords) -> list[Exhibit]:
    """Return the documents that were asked for, in this order. Errors: Problem 404."""
    here = {each.document_id: each for each in await documents.exhibits(tx, tenant, case_id)}
    if not {each.document_id for each in body.documents} <= set(here):
        raise not_found("current document of this case")
    return [here[each.document_id] for each in body.documents]


async def _limits(tx: AsyncConnection, tenant: str, payer_id: str, channel: str | None) -> Limits:
    """Return what a payer takes electronically, within our own bounds, which hold where it says nothing."""
    entry = await entry_of(tx, tenant, payer_id)
    names = _CHANNELS if channel is None else (channel, *_CHANNELS)
    told = next((each for name in names for each in entry.channels if each.channel == name), None)
    if told is None:
        return Limits(total_bytes_max=_TOTAL_BYTES_MAX)
    return Limits(
        files_max=min(told.files_max or FILES_MAX, PARTS_MAX),
        file_bytes_max=min(told.file_bytes_max or FILE_BYTES_MAX, FILE_BYTES_MAX),
        total_bytes_max=min(told.total_bytes_max or _TOTAL_BYTES_MAX, _TOTAL_BYTES_MAX),
    )


def _packets(
    chosen: Sequence[Exhibit], body: AnswerRecords, asked: Mapping[Any, Any], limits: Limits
) -> list[list[tuple[Exhibit, AnswerDocument]]]:
    """Return the documents of each set. Errors: Problem 409 (one is larger than the payer takes), 422 (a code not asked for)."""
    codes = {each["code"]: msgspec.convert(_question(each), RequestedCode) for each in asked["codes"]}
    found = []
    for place, (exhibit, told) in enumerate(zip(chosen, body.documents, strict=True)):
        if told.code is not None and told.code not in codes:
            errors = [FieldProblem(pointer=f"/body/documents/{place}/code", problem="was not asked for").model_dump()]
            raise Problem(422, "code-not-asked-for", "A document answers a code that the request does not hold.", errors=errors)
        code = codes[told.code] if told.code is not None else None
        found.append((exhibit, AnswerDocument(exhibit.media_type, exhibit.size_bytes, code)))
    try:
        packets = answering.split(
            [exhibit.size_bytes for exhibit in chosen], limits.files_max, limits.file_bytes_max, limits.total_bytes_max
        )
    except TooLarge as error:
        about = str(chosen[error.place].document_id)
        raise Problem(409, "document-too-large", "The payer takes no document of this size.", document_id=about) from None
    return [[found[place] for place in packet] for packet in packets]


def _question(code: Mapping[str, Any]) -> dict[str, str]:
    return {"category": code["category"], "code": code["code"], "code_list": code.get("code_list") or ""}


async def _claim(ingest: Ingest, remit_id: UUID, claim_id: UUID | None, behalf: Behalf) -> Claim:
    """Ask ingest for the claim that is meant. Errors: Problem 409 where nobody knows it, 503."""
    meant = claim_id or await ingest.claim_id_of(remit_id, behalf)
    content = await ingest.content(meant, behalf) if meant else None
    if content is None:
        raise Problem(409, "claim-not-known", "Ingest does not know which claim is meant; decide the match of its remit first.")
    return msgspec.convert(content, Claim)
