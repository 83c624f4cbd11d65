"""The guest's way in: one page by one secret address, which shows what was shared, takes an answer or a document, and nothing else.

Whatever is wrong with an address, of the page or of a document, the answer is the same 404.
"""

import unicodedata
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import ClientDisconnect

from libs.common.access.caller import Caller
from libs.common.audit.acting import about, as_guest
from libs.common.database import Database
from libs.common.http.deps import ClockDep, DatabaseDep
from libs.common.http.problem import Problem
from libs.common.tenants.store import is_closed
from services.appeals.collaboration import store
from services.appeals.collaboration.pages import HEADERS, language_of, page
from services.appeals.collaboration.store import GUEST, Link
from services.appeals.collaboration.tokens import hash_of, tenant_of
from services.appeals.collaboration.views import TEXT_MAX
from services.appeals.collaboration.words import WORDS
from services.appeals.documents.giving import give
from services.appeals.documents.keeping import Kept, desk_of
from services.appeals.documents.kinds import DocumentKind
from services.appeals.documents.refusals import REFUSALS
from services.appeals.documents.store import Row
from services.appeals.documents.uploading import taken

router = APIRouter(include_in_schema=False)

MESSAGES_MAX: Final = 100
UPLOADS_MAX: Final = 40  # tries, refused ones included
UPLOAD_BYTES_MAX: Final = 200 * 1024 * 1024
_FORM_BYTES_MAX: Final = 64 * 1024
_NOT_FOUND, _UNPROCESSABLE, _SEE_OTHER = 404, 422, 303
_WORD_OF: Final = {"too-large": "too_large", "no-file": "no_file", "busy": "busy", "case-full": "too_many"}

Lang = Annotated[str | None, Query(max_length=5)]


async def _tenant(request: Request, token: str) -> str:
    """Return whose page an address is of, which its secret must prove; what is none is of nobody."""
    tenant = tenant_of(token) or ""
    request.state.caller = Caller(tenant, GUEST, frozenset(), "", 0.0)  # who is named in the tenant's audit log
    return tenant


GuestTenantDep = Annotated[str, Depends(_tenant)]


class _Wrong(Exception):  # noqa: N818 - the fact is the name
    """Something that the guest is told; `word` is one of the page's, or a sentence."""

    def __init__(self, word: str, status: int = _UNPROCESSABLE) -> None:
        super().__init__(word)
        self.word = word
        self.status = status


async def _enter(tx: AsyncConnection, tenant: str, token: str, now: datetime) -> Link | None:
    """Return the link of a token that opens now."""
    known = hash_of(token)
    link = await store.link_of_token(tx, tenant, known) if known else None
    if link is None or not link.opens(now) or await is_closed(tx, tenant):
        return None
    as_guest(tenant, f"guest:{link.link_id}")
    return link


async def _enter_to_act(tx: AsyncConnection, tenant: str, token: str, now: datetime) -> Link | None:
    """Return the link of a token, held until the transaction ends."""
    link = await _enter(tx, tenant, token, now)
    link = await store.lock_link(tx, tenant, link.link_id) if link else None
    return link if link is not None and link.opens(now) else None


def _base(request: Request, token: str) -> str:
    return f"{request.scope.get('root_path', '')}/guest/{token}"


def _closed(lang: str | None) -> Response:
    return page(None, "", language_of(lang, None), status=_NOT_FOUND)


@router.get("/guest/{token}")
async def show_page(
    request: Request,
    token: str,
    tenant: GuestTenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    lang: Lang = None,
    done: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    now = clock.now()
    async with database.begin(tenant) as tx:
        link = await _enter(tx, tenant, token, now)
        if link is None:
            return _closed(lang)
        about(link.link_id)
        documents = await store.shown_documents(tx, tenant, link.link_id)
        messages = await store.shown_messages(tx, tenant, link.link_id)
        await store.log(tx, tenant, link, "page_seen", GUEST, now)
    return page(link, _base(request, token), language_of(lang, link), documents, messages, done=done)


@router.get("/guest/{token}/documents/{document_id}")
async def download(
    request: Request,
    token: str,
    document_id: str,
    tenant: GuestTenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header(alias="If-Range")] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    now = clock.now()
    async with database.begin(tenant) as tx:
        link, row = await _shown(tx, tenant, token, document_id, now)
        if link is None or row is None:
            return _closed(link.language if link else None)
        about(link.link_id)
        await store.log(tx, tenant, link, "document_downloaded", GUEST, now, items=[row["document_id"]])

    async def is_open() -> bool:
        async with database.begin(tenant) as tx:
            _, shown = await _shown(tx, tenant, token, document_id, clock.now())
        return shown is not None

    return give(request, row, range_, if_range, if_none_match, is_open)


async def _shown(tx: AsyncConnection, tenant: str, token: str, document_id: str, now: datetime) -> tuple[Link | None, Row | None]:
    """Return the link of a token that opens now, and a document if it shows that."""
    link = await _enter(tx, tenant, token, now)
    shown = await store.shown_documents(tx, tenant, link.link_id) if link else []
    return link, next((each for each in shown if str(each["document_id"]) == document_id.lower()), None)


@router.post("/guest/{token}/messages")
async def write_message(
    request: Request, token: str, tenant: GuestTenantDep, database: DatabaseDep, clock: ClockDep, lang: Lang = None
) -> Response:
    now = clock.now()
    told = ""
    try:
        told = await _read_text(request)
        is_written = await _write(database, tenant, token, told, now)
    except _Wrong as wrong:
        return await _again(request, database, tenant, token, now, lang, wrong, draft=told)
    return _done(request, token, lang, "message") if is_written else _closed(lang)


async def _write(database: Database, tenant: str, token: str, told: str, now: datetime) -> bool:
    """Write a guest's message; False where the address lets nobody write. Errors: _Wrong."""
    async with database.begin(tenant) as tx:
        link = await _enter_to_act(tx, tenant, token, now)
        if link is None or not link.may_answer:
            return False
        if (await store.used(tx, tenant, link.link_id)).messages >= MESSAGES_MAX:
            raise _Wrong("too_many", 429)
        about(link.link_id)
        message_id = await store.insert_message(tx, tenant, link.case_id, told, link.name, now, link_id=link.link_id)
        await store.share(tx, tenant, link.link_id, "message", [message_id], now)
        await store.log(tx, tenant, link, "message_written", GUEST, now, items=[message_id])
    return True


async def _read_text(request: Request) -> str:
    """Return what the form says. Errors: _Wrong."""
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _FORM_BYTES_MAX:
                raise _Wrong("bad_text", 413)
        form = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=10)
    except (ValueError, ClientDisconnect) as error:
        raise _Wrong("bad_text", 400) from error
    text = form.get("text", [""])[0].replace("\r\n", "\n").strip()
    kept = "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))
    if not 0 < len(kept) <= TEXT_MAX:
        raise _Wrong("bad_text")
    return kept


def _done(request: Request, token: str, lang: str | None, what: str) -> Response:
    kept = f"&lang={lang}" if lang in WORDS else ""
    return RedirectResponse(f"{_base(request, token)}?done={what}{kept}", _SEE_OTHER, headers=HEADERS)


async def _again(
    request: Request,
    database: Database,
    tenant: str,
    token: str,
    now: datetime,
    lang: str | None,
    wrong: _Wrong,
    *,
    draft: str = "",
) -> Response:
    """Show the page once more, with what was wrong."""
    async with database.begin(tenant) as tx:
        link = await _enter(tx, tenant, token, now)
        if link is None:
            return _closed(lang)
        documents = await store.shown_documents(tx, tenant, link.link_id)
        messages = await store.shown_messages(tx, tenant, link.link_id)
    told = language_of(lang, link)
    word = REFUSALS[wrong.word][told == "fr"] if wrong.word in REFUSALS else wrong.word
    base = _base(request, token)
    return page(link, base, told, documents, messages, status=wrong.status, wrong=word, draft=draft)


@router.post("/guest/{token}/documents")
async def upload(
    request: Request, token: str, tenant: GuestTenantDep, database: DatabaseDep, clock: ClockDep, lang: Lang = None
) -> Response:
    """Takes a document by the same checks as everybody's; who may not send any is told before anything is read."""
    now = clock.now()
    desk = desk_of(request)
    try:
        async with database.begin(tenant) as tx:
            link = await _enter(tx, tenant, token, now)
            if link is None or not link.may_upload:
                return _closed(lang)
            await _require_quota(tx, tenant, link.link_id, 0)
        try:
            async with taken(request) as sent:
                kept = await desk.keep(
                    tenant, sent, None, case_id=link.case_id, kind=DocumentKind.OTHER, origin="guest", who=link.name
                )
            await _take(database, tenant, token, kept, now)
        except Problem as problem:
            async with database.begin(tenant) as tx:
                await store.log(tx, tenant, link, "upload_refused", GUEST, now)
            word = str(problem.extension.get("reason") or _WORD_OF.get(problem.name, "failed"))
            raise _Wrong(word, problem.status) from None
    except _Wrong as wrong:
        return await _again(request, database, tenant, token, now, lang, wrong)
    return _done(request, token, lang, "document")


async def _take(database: Database, tenant: str, token: str, kept: Kept, now: datetime) -> None:
    """Enter a guest's document into the case and let the link show it. Errors: _Wrong, Problem."""
    async with kept.settled(), database.begin(tenant) as tx:
        link = await _enter_to_act(tx, tenant, token, now)
        if link is None:
            raise _Wrong("closed", _NOT_FOUND)
        await _require_quota(tx, tenant, link.link_id, kept.new.size_bytes)
        about(link.link_id)
        row, is_new = await kept.enter(tx, tenant, now)
        document_id: UUID = row["document_id"]
        size = kept.new.size_bytes if is_new else 0
        if is_new:  # a document that the case has by somebody else is not shown for having sent the same
            await store.share(tx, tenant, link.link_id, "document", [document_id], now)
        await store.log(tx, tenant, link, "document_uploaded", GUEST, now, items=[document_id], size_bytes=size)


async def _require_quota(tx: AsyncConnection, tenant: str, link_id: UUID, size_bytes: int) -> None:
    used = await store.used(tx, tenant, link_id)
    if used.uploads >= UPLOADS_MAX or used.upload_bytes + size_bytes > UPLOAD_BYTES_MAX:
        raise _Wrong("too_many", 429)
