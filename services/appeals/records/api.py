"""Answering a request for records over HTTP: a 275 around documents of the case, given for a connection of one's own, or sent."""

import hashlib
import tempfile
from typing import IO, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from libs.common.http.deps import BehalfDep, ClockDep, DatabaseDep, TenantDep
from libs.common.http.file_answers import FileAnswer
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from services.appeals.changing import AskingDep, Locked, answered_before, change
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.keeping import desk_of
from services.appeals.filing.api import file, require_channel
from services.appeals.filing.channels import X12
from services.appeals.filing.store import FiledPacket
from services.appeals.filing.views import FileCase
from services.appeals.records import store
from services.appeals.records.preparing import Prepared, gather, prepare
from services.appeals.records.store import Answer
from services.appeals.records.views import AnswerRecords, SendRecords
from services.appeals.views import CaseDetail

router = APIRouter(tags=["cases"])

_PATH: Final = "/v1/cases/{case_id}/records-answer"
_HELD_BYTES: Final = 1024 * 1024  # in memory; a larger answer is on disk while it is written


@router.post(
    _PATH,
    summary="A 275 that answers a request for records",
    response_class=Response,
    responses={
        200: {
            "description": "X12 006020X314, with patient data and the documents in it",
            "content": {X12: {"schema": {"type": "string", "contentMediaType": X12}}},
        },
        **responses(404, 409, 415, 422),
    },
)
async def answer_records(
    request: Request,
    case_id: UUID,
    body: AnswerRecords,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    behalf: BehalfDep,
) -> Response:
    """Documents that a payer does not take together (`channels` of the payer) go in several sets of the one file. Nothing is stored
    and nothing is sent: the bytes are for your connection to the payer; say by `POST .../file` that they went (`send_documents`).
    """
    async with database.begin(tenant) as tx:
        found = await gather(tx, tenant, case_id, body)
    prepared = await prepare(request.app.state.ingest, found, clock.now(), behalf)
    headers = {"Content-Disposition": f'attachment; filename="{body.request_id}.275"'}
    return FileAnswer(prepared.stream(desk_of(request).blobs), media_type=X12, headers=headers)


@router.post(
    f"{_PATH}/send",
    summary="Send a 275 that answers a request for records",
    responses=responses(400, 404, 409, 412, 415, 422, 428),
)
async def send_records(request: Request, case_id: UUID, body: SendRecords, asking: AskingDep) -> CaseDetail:
    """Files the case (`send_documents`) and has the 275 sent by `folder` or `https`, once, as a packet is; `appeals[].delivery`
    tells how it went. It answers this request alone. What the receiver refuses for good leaves the request open again.
    """
    require_channel(request, body.channel)
    kept = await answered_before(asking, case_id, "send_records", body)
    if kept is not None:
        return kept
    blobs = desk_of(request).blobs
    async with asking.database.begin(asking.tenant) as tx:
        found = await gather(tx, asking.tenant, case_id, body, body.channel)
    prepared = await prepare(request.app.state.ingest, found, asking.clock.now(), asking.behalf)
    with tempfile.SpooledTemporaryFile(_HELD_BYTES, prefix="recours-answer-") as written:
        sha256, size_bytes = await _write(prepared, blobs, written)
        key = await blobs.put(asking.tenant, written)
    is_needed = False

    async def act(locked: Locked) -> None:
        nonlocal is_needed
        await _send(locked, body, prepared, sha256, size_bytes, key)
        is_needed = True

    try:
        return await change(asking, case_id, "send_records", body, act)
    finally:
        if not is_needed:  # it was refused, or another request of the same key was faster
            await blobs.discard([key])


async def _write(prepared: Prepared, blobs: Blobs, file: IO[bytes]) -> tuple[str, int]:
    """Write an answer into a file; return its hash and its length."""
    digest, size_bytes = hashlib.sha256(), 0
    async for piece in prepared.stream(blobs):
        file.write(piece)
        digest.update(piece)
        size_bytes += len(piece)
    return digest.hexdigest(), size_bytes


async def _send(locked: Locked, body: SendRecords, prepared: Prepared, sha256: str, size_bytes: int, key: str) -> None:
    """File a locked case with an answer whose bytes are kept. Errors: Problem 404, 409 (answered before), those of filing."""
    case_id = locked.row["case_id"]
    asked = await store.request_of(locked.tx, locked.tenant, case_id, body.request_id)
    if asked is None:
        raise not_found("request for records of this case")
    if asked["answered_by"] is not None:
        detail = "This request was answered already; `appeal_id` names the filing. Other documents go by `POST .../file`."
        raise Problem(409, "already-answered", detail, appeal_id=str(asked["answered_by"]))
    filed = {"action": "send_documents", "channel": body.channel, "why": body.why, "good_cause": body.good_cause}
    packet = FiledPacket(sha256, None, "records_answer")
    filing = await file(FileCase.model_validate(filed), locked, packet, body.request_id)
    exhibits = [each for documents in prepared.bodies for each in documents]
    sent = [
        {"document_id": each.document_id, "sha256": each.sha256, "code": told.code}
        for each, told in zip(exhibits, body.documents, strict=True)
    ]
    answer = Answer(
        tenant_id=locked.tenant,
        appeal_id=filing.appeal_id,
        case_id=case_id,
        request_id=body.request_id,
        trace=asked["trace"],
        key=key,
        size_bytes=size_bytes,
        sets=len(prepared.bodies),
        documents=msgspec.json.encode(sent).decode(),
        written_at=locked.now,
    )
    await store.keep_answer(locked.tx, answer)
