"""Packets over HTTP: asked for, polled, given back file by file. A worker builds them."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import Database
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.file_answers import FileAnswer
from libs.common.http.problem import Problem, forgotten, not_found
from libs.common.http.problems import responses
from libs.common.ids import named_id
from services.appeals.changing import require_case
from services.appeals.documents import store as documents
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.naming import download_headers
from services.appeals.letters import packet_store, store
from services.appeals.letters.gathering import entry_of
from services.appeals.letters.packing import FILE_BYTES_MAX, FILES_MAX, PARTS_MAX, TOTAL_BYTES_MAX, Limits
from services.appeals.letters.views import AskPacket, PacketList, PacketView
from services.appeals.letters.writing import PDF_ANSWER

router = APIRouter(tags=["letters"])

_PATIENCE_SECONDS: Final = 2.0  # how long an answer may wait for the packet itself
_LOOK_SECONDS: Final = 0.05
_PACKET: Final = "/v1/cases/{case_id}/packets/{packet_id}"
_CREATED, _ACCEPTED = 201, 202
_OBJECT: Final = {"schema": {"type": "object"}}
_LATER: Final = {
    "model": PacketView,
    "description": "It is being built; ask again at `Location`",
    "headers": {
        "Location": {"schema": {"type": "string"}},
        "Retry-After": {"schema": {"type": "integer"}, "description": "seconds"},
    },
}


@router.post(
    "/v1/cases/{case_id}/packet",
    summary="Build the packet of a case",
    status_code=_CREATED,
    responses={
        200: {"model": PacketView, "description": "This very packet was built before"},
        202: _LATER,
        **responses(404, 409, 410, 413, 415, 422),
    },
)
async def ask_packet(
    case_id: UUID, body: AskPacket, response: Response, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> PacketView:
    """Cover sheet, letter and numbered exhibits, in as few files as the payer takes. The same letter, documents and limits are the
    same packet with the same bytes, so that no Idempotency-Key is needed. What takes longer than two seconds is answered by 202.
    """
    async with database.begin(tenant) as tx:
        packet_id, version, limits = await _wanted(tx, tenant, case_id, body)
        is_new = await packet_store.ask(tx, tenant, packet_id, case_id, version, limits, who, clock.now())
    row = await _await_end(database, tenant, case_id, packet_id)
    response.headers["Location"] = f"/v1/cases/{case_id}/packets/{packet_id}"
    if row["state"] == "waiting":
        response.status_code = _ACCEPTED
        response.headers["Retry-After"] = "1"
    else:
        response.status_code = _CREATED if is_new else 200
    return PacketView.model_validate(dict(row))


async def _wanted(tx: AsyncConnection, tenant: str, case_id: UUID, body: AskPacket) -> tuple[UUID, int, Limits]:
    """Name the packet by what goes into it. Errors: Problem 404, 409."""
    await require_case(tx, tenant, case_id)
    letter = await store.find_letter(tx, tenant, case_id, body.letter_version)
    if letter is None:
        raise Problem(409, "letter-missing", "The case has no such letter: write it first.")
    if letter["forgotten_at"] is not None:
        raise forgotten("What this letter says")
    sheet = store.sheet_of(letter)
    held = await documents.exhibits(tx, tenant, case_id)
    if [(each.document_id, each.sha256) for each in held] != [(each.document_id, each.sha256) for each in sheet.exhibits]:
        detail = "The case's documents are others than when the letter was written, which names them: write it anew."
        raise Problem(409, "letter-outdated", detail)
    limits = await _limits(tx, tenant, case_id, body.channel)
    content = msgspec.json.encode((sheet, store.paragraphs_of(letter), limits)).decode()
    return named_id("packet", tenant, str(case_id), str(letter["version"]), content), letter["version"], limits


async def _limits(tx: AsyncConnection, tenant: str, case_id: UUID, channel: str | None) -> Limits:
    """Return what the payer takes by a channel, within our own bounds, which hold where it says nothing."""
    entry = await entry_of(tx, tenant, await store.payer_of(tx, tenant, case_id))
    told = next((each for each in entry.channels if channel in (None, each.channel)), None)
    if told is None:
        return Limits()
    return Limits(
        files_max=min(told.files_max or FILES_MAX, PARTS_MAX),
        file_bytes_max=min(told.file_bytes_max or FILE_BYTES_MAX, FILE_BYTES_MAX),
        total_bytes_max=min(told.total_bytes_max or TOTAL_BYTES_MAX, TOTAL_BYTES_MAX),
    )


async def _await_end(database: Database, tenant: str, case_id: UUID, packet_id: UUID) -> Mapping[Any, Any]:
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_SECONDS
    while True:
        row = await _find(database, tenant, case_id, packet_id)
        if row["state"] != "waiting" or loop.time() > until:
            return row
        await asyncio.sleep(_LOOK_SECONDS)


async def _find(database: Database, tenant: str, case_id: UUID, packet_id: UUID) -> Mapping[Any, Any]:
    async with database.begin(tenant) as tx:
        row = await packet_store.find(tx, tenant, case_id, packet_id)
    if row is None:
        raise not_found("packet")
    return row


async def _kept(database: Database, tenant: str, case_id: UUID, packet_id: UUID) -> Mapping[Any, Any]:
    row = await _find(database, tenant, case_id, packet_id)
    if row["forgotten_at"] is not None:
        raise forgotten("This packet")
    return row


@router.get("/v1/cases/{case_id}/packets", summary="The packets of a case", responses=responses(404, 422))
async def list_packets(case_id: UUID, tenant: TenantDep, database: DatabaseDep) -> PacketList:
    async with database.begin(tenant) as tx:
        await require_case(tx, tenant, case_id)
        rows = await packet_store.list_of_case(tx, tenant, case_id)
    return PacketList(items=[PacketView.model_validate(dict(row)) for row in rows])


@router.get(_PACKET, summary="One packet, and whether it is ready", responses=responses(404, 422))
async def get_packet(case_id: UUID, packet_id: UUID, tenant: TenantDep, database: DatabaseDep) -> PacketView:
    return PacketView.model_validate(dict(await _find(database, tenant, case_id, packet_id)))


@router.get(
    f"{_PACKET}/manifest",
    summary="What is in it, with the hashes of all that went in and came out",
    response_class=Response,
    responses={200: {"description": "Always the same bytes", "content": {"application/json": _OBJECT}}, **responses(404, 410, 422)},
)
async def get_packet_manifest(case_id: UUID, packet_id: UUID, tenant: TenantDep, database: DatabaseDep) -> Response:
    row = await _kept(database, tenant, case_id, packet_id)
    if row["manifest"] is None:
        raise not_found("manifest before the packet is ready")
    return Response(row["manifest"], media_type="application/json")


@router.get(
    f"{_PACKET}/files/{{part}}",
    summary="One file of a packet",
    response_class=StreamingResponse,
    responses={200: {"description": "PDF", "content": PDF_ANSWER}, **responses(404, 410, 422)},
)
async def get_packet_file(
    request: Request,
    case_id: UUID,
    packet_id: UUID,
    part: Annotated[int, Path(ge=1, le=1000)],
    tenant: TenantDep,
    database: DatabaseDep,
) -> StreamingResponse:
    row = await _kept(database, tenant, case_id, packet_id)
    file = next((each for each in packet_store.files_of(row) if each.part == part), None)
    if file is None:
        raise not_found("file of this packet")
    blobs: Blobs = request.app.state.packets
    headers = {
        **download_headers(file.name),
        "Content-Length": str(file.size_bytes),
        "ETag": f'"{file.sha256}"',
    }
    return FileAnswer(blobs.stream(file.key, 0, file.size_bytes), media_type="application/pdf", headers=headers)
