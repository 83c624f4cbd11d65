"""Documents over HTTP: sent, listed, given back by ranges, replaced, deleted."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from services.appeals.changing import require_case
from services.appeals.documents import store
from services.appeals.documents.giving import give
from services.appeals.documents.keeping import desk_of
from services.appeals.documents.kinds import DocumentKind
from services.appeals.documents.uploading import taken
from services.appeals.documents.views import (
    AcceptDocument,
    DocumentDetail,
    DocumentList,
    DocumentView,
    EditDocument,
    RefuseDocument,
)

_PATH: Final = "/v1/cases/{case_id}/documents"
_CONTENT: Final = f"{_PATH}/{{document_id}}/content"
_BINARY: Final = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_MEDIA_TYPES: Final = ("application/pdf", "image/png", "image/jpeg", "image/tiff", "text/plain", "application/octet-stream")
_FORM: Final = {
    "schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}},
}
_NOT_CURRENT: Final = ("offered", "refused", "superseded", "deleted")
Kind = Annotated[DocumentKind, Query(description="what it is evidence of")]
Replaces = Annotated[UUID | None, Query(description="a current document of the case that this one takes the place of")]
Name = Annotated[str | None, Query(max_length=400, description="its file name, where it is not sent as a form")]

router = APIRouter(tags=["documents"])


@router.post(
    _PATH,
    summary="Send a document",
    status_code=201,
    responses={200: {"model": DocumentView, "description": "The case has this document"}, **responses(400, 404, 409, 413, 422)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The bytes themselves, or a form with one file: PDF, PNG, JPEG, TIFF, DOCX or plain text, up to 50 MiB.",
            "content": {"multipart/form-data": _FORM, **dict.fromkeys(_MEDIA_TYPES, _BINARY)},
        }
    },
)
async def post_document(
    request: Request,
    response: Response,
    case_id: UUID,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    kind: Kind = DocumentKind.OTHER,
    name: Name = None,
    replaces: Replaces = None,
) -> DocumentView:
    """What it is is found by opening it, not by its name or its announced type. Encrypted, broken and active files are refused, and
    `reason` says why. A document is known by its content: sent again to the same case it is answered with 200 and changes
    nothing, so an Idempotency-Key is not needed here.
    """
    desk = desk_of(request)
    async with database.begin(tenant) as tx:  # before anything is sent, and again when all is here
        await require_case(tx, tenant, case_id)
    async with taken(request) as sent:
        kept = await desk.keep(tenant, sent, name, case_id=case_id, kind=kind, origin="upload", who=who, replaces=replaces)
    async with kept.settled(), database.begin(tenant) as tx:
        document, is_new = await kept.enter(tx, tenant, clock.now())
        exhibit = _exhibit(await store.list_documents(tx, tenant, case_id, ["current"]), document["document_id"])
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/cases/{case_id}/documents/{document['document_id']}"
    return DocumentView.model_validate({**document, "exhibit": exhibit})


def _exhibit(current: Sequence[Mapping[Any, Any]], document_id: UUID) -> int | None:
    return next((place for place, row in enumerate(current, start=1) if row["document_id"] == document_id), None)


@router.get(_PATH, summary="The documents of a case", responses=responses(404, 422))
async def list_documents(
    case_id: UUID,
    tenant: TenantDep,
    database: DatabaseDep,
    everything: Annotated[
        bool, Query(alias="all", description="also those that are offered, were refused, superseded or deleted, behind the others")
    ] = False,
) -> DocumentList:
    async with database.begin(tenant) as tx:
        await require_case(tx, tenant, case_id)
        current = await store.list_documents(tx, tenant, case_id, ["current"])
        gone = await store.list_documents(tx, tenant, case_id, _NOT_CURRENT) if everything else []
    shown = [{**row, "exhibit": place} for place, row in enumerate(current, start=1)] + [{**row, "exhibit": None} for row in gone]
    return DocumentList(items=[DocumentView.model_validate(each) for each in shown])


@router.get(f"{_PATH}/{{document_id}}", summary="One document with its history", responses=responses(404, 422))
async def get_document(case_id: UUID, document_id: UUID, tenant: TenantDep, database: DatabaseDep) -> DocumentDetail:
    async with database.begin(tenant) as tx:
        return await _detail(tx, tenant, case_id, document_id)


async def _detail(tx: AsyncConnection, tenant: str, case_id: UUID, document_id: UUID) -> DocumentDetail:
    row = await store.get_document(tx, tenant, case_id, document_id)
    if row is None:
        raise not_found("document")
    history = [dict(each) for each in await store.get_history(tx, tenant, document_id)]
    exhibit = _exhibit(await store.list_documents(tx, tenant, case_id, ["current"]), document_id)
    return DocumentDetail.model_validate({**row, "exhibit": exhibit, "history": history})


_GIVEN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The bytes as they came", "content": dict.fromkeys(_MEDIA_TYPES, _BINARY)},
    206: {"description": "A part of them", "content": dict.fromkeys(_MEDIA_TYPES, _BINARY)},
    304: {"description": "You have them"},
    **responses(404, 416, 422),
}


@router.get(_CONTENT, summary="The bytes of a document", response_class=StreamingResponse, responses=_GIVEN)
async def get_content(
    request: Request,
    case_id: UUID,
    document_id: UUID,
    tenant: TenantDep,
    database: DatabaseDep,
    range_: Annotated[str | None, Header(alias="Range", description="one range of bytes")] = None,
    if_range: Annotated[str | None, Header(alias="If-Range", description="the ETag that the range belongs to")] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match", description="the ETag that you have")] = None,
) -> Response:
    """Always as a download; a broken one is resumed by `Range`. A document that was deleted or refused is gone."""
    async with database.begin(tenant) as tx:
        row = await store.get_document(tx, tenant, case_id, document_id)
    if row is None or row["state"] in ("deleted", "refused") or row["key"] is None:
        raise not_found("document")
    return give(request, row, range_, if_range, if_none_match)


@router.head(_CONTENT, summary="How large a document is, and its ETag", response_class=Response, responses=_GIVEN)
async def head_content(
    request: Request,
    case_id: UUID,
    document_id: UUID,
    tenant: TenantDep,
    database: DatabaseDep,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match", description="the ETag that you have")] = None,
) -> Response:
    return await get_content(request, case_id, document_id, tenant, database, None, None, if_none_match)


@router.patch(f"{_PATH}/{{document_id}}", summary="Say what a document is, or where it stands", responses=responses(404, 422))
async def edit_document(
    case_id: UUID, document_id: UUID, body: EditDocument, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> DocumentDetail:
    """Only a current document is changed. Said again, it changes nothing."""
    now = clock.now()
    async with database.begin(tenant) as tx:
        await store.lock_documents(tx, tenant, case_id)
        current = await store.list_documents(tx, tenant, case_id, ["current"])
        before = next((row for row in current if row["document_id"] == document_id), None)
        if before is None:
            raise not_found("current document")
        if body.kind is not None and body.kind != before["kind"]:
            await store.set_kind(tx, tenant, document_id, body.kind, now)
            await store.tell(tx, tenant, case_id, document_id, "kind_changed", who, before["kind"], now)
        if body.exhibit is not None:
            ordered = [row["document_id"] for row in current]
            moved = [each for each in ordered if each != document_id]
            moved.insert(body.exhibit - 1, document_id)
            if moved != ordered:
                await store.set_order(tx, tenant, moved)
                await store.tell(tx, tenant, case_id, document_id, "moved", who, "", now)
        return await _detail(tx, tenant, case_id, document_id)


@router.get("/v1/offered-documents", summary="Documents that guests sent and nobody accepted yet", responses=responses(400, 422))
async def list_offered_documents(
    tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[DocumentView]:
    """Of all cases, oldest first. They are no evidence, and go into no letter, packet or answer, until somebody accepts them."""
    filters = {"list": "offered-documents"}
    after = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await store.offered(tx, tenant, after=after, limit=limit + 1)
    return cut_page(
        rows,
        limit,
        tenant,
        filters,
        lambda row: DocumentView.model_validate({**row, "exhibit": None}),
        position=lambda row: row["document_id"],
    )


async def _offered(tx: AsyncConnection, tenant: str, case_id: UUID, document_id: UUID, done: str) -> store.Row | None:
    """Return an offered document, the case's documents held; None where it is `done`. Errors: Problem 404, 409."""
    await store.lock_documents(tx, tenant, case_id)
    row = await store.get_document(tx, tenant, case_id, document_id)
    if row is None:
        raise not_found("document")
    if row["state"] == done and row["origin"] == "guest":
        return None
    if row["state"] != "offered":
        raise Problem(409, "not-offered", "Only a document that a guest offers is accepted or refused.")
    return row


@router.post(
    f"{_PATH}/{{document_id}}/accept", summary="Take a guest's document as evidence", responses=responses(404, 409, 415, 422)
)
async def accept_document(
    case_id: UUID, document_id: UUID, body: AcceptDocument, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> DocumentDetail:
    """It becomes the last exhibit, and counts on the checklist as what it is said to be. Accepted again, it stays as it is."""
    async with database.begin(tenant) as tx:
        if await _offered(tx, tenant, case_id, document_id, "current") is not None:
            await store.accept(tx, tenant, case_id, document_id, body.kind, who, clock.now())
        return await _detail(tx, tenant, case_id, document_id)


@router.post(f"{_PATH}/{{document_id}}/refuse", summary="Refuse a guest's document", responses=responses(404, 409, 415, 422))
async def refuse_document(
    case_id: UUID, document_id: UUID, body: RefuseDocument, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> DocumentDetail:
    """The guest sees it no longer, and its bytes are forgotten within some hours; that it came, and why it was refused, stays."""
    now = clock.now()
    async with database.begin(tenant) as tx:
        row = await _offered(tx, tenant, case_id, document_id, "refused")
        if row is not None:
            await store.set_state(tx, tenant, document_id, "refused", now)
            await store.touch_blob(tx, tenant, row["sha256"], now)
            await store.tell(tx, tenant, case_id, document_id, "refused", who, body.reason, now)
        return await _detail(tx, tenant, case_id, document_id)


@router.delete(f"{_PATH}/{{document_id}}", summary="Delete a document", status_code=204, responses=responses(404, 422))
async def delete_document(
    case_id: UUID,
    document_id: UUID,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    reason: Annotated[str, Query(min_length=1, max_length=200, pattern=r"\S", description="why; no patient data")],
) -> None:
    """Its bytes are forgotten within some hours, unless another document has the same; its history stays."""
    now = clock.now()
    async with database.begin(tenant) as tx:
        await store.lock_documents(tx, tenant, case_id)
        row = await store.get_document(tx, tenant, case_id, document_id)
        if row is None:
            raise not_found("document")
        if row["state"] != "deleted":
            await store.set_state(tx, tenant, document_id, "deleted", now)
            await store.touch_blob(tx, tenant, row["sha256"], now)
            await store.tell(tx, tenant, case_id, document_id, "deleted", who, reason, now)
