"""Messages and guest links over HTTP, for those who work the case; the guest's own page is in guest.py."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.appeals.changing import require_case
from services.appeals.collaboration import store
from services.appeals.collaboration.store import Link
from services.appeals.collaboration.tokens import hash_of, new_token
from services.appeals.collaboration.views import (
    DisclosureView,
    Links,
    LinkView,
    Messages,
    MessageView,
    NewLink,
    NewLinkView,
    NewMessage,
    Share,
)
from services.appeals.documents.store import list_documents

router = APIRouter(tags=["collaboration"])

_CASE: Final = "/v1/cases/{case_id}"


@router.get(f"{_CASE}/messages", summary="What was written about a case", responses=responses(404, 422))
async def list_messages(case_id: UUID, tenant: TenantDep, database: DatabaseDep) -> Messages:
    async with database.begin(tenant) as tx:
        await require_case(tx, tenant, case_id)
        return Messages(items=await _messages(tx, tenant, case_id))


async def _messages(tx: AsyncConnection, tenant: str, case_id: UUID) -> list[MessageView]:
    rows = await store.messages_of_case(tx, tenant, case_id)
    links = await store.links_of_case(tx, tenant, case_id)
    shown = await store.shares(tx, tenant, [link.link_id for link in links])
    return [
        MessageView(
            message_id=row["message_id"],
            author="guest" if row["link_id"] else "staff",
            who=row["who"],
            link_id=row["link_id"],
            text=row["text"],
            at=row["at"],
            forgotten_at=row["forgotten_at"],
            shared_with=[each["link_id"] for each in shown if each["item_id"] == row["message_id"]],
        )
        for row in rows
    ]


@router.post(f"{_CASE}/messages", summary="Write about a case", status_code=201, responses=responses(400, 404, 409, 415, 422))
async def post_message(
    case_id: UUID,
    body: NewMessage,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> MessageView:
    """What is written stays. Guests see it only by the links in `share_with`."""
    idempotency.require(key)
    now = clock.now()
    async with database.begin(tenant) as tx:
        await require_case(tx, tenant, case_id)
        digest = idempotency.digest("post_message", str(case_id), body.model_dump_json())
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is not None:
            return MessageView.model_validate_json(kept.body)
        message_id = await store.insert_message(tx, tenant, case_id, body.text, who, now)
        links = {link.link_id: link for link in await store.links_of_case(tx, tenant, case_id)}
        if not set(body.share_with) <= set(links):
            raise not_found("guest link of this case")
        for link_id in dict.fromkeys(body.share_with):
            await store.share(tx, tenant, link_id, "message", [message_id], now)
            await store.log(tx, tenant, links[link_id], "message_shared", who, now, items=[message_id])
        written = next(each for each in await _messages(tx, tenant, case_id) if each.message_id == message_id)
        await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, written.model_dump_json()))
    return written


@router.post(f"{_CASE}/guest-links", summary="Let a guest in", status_code=201, responses=responses(400, 404, 409, 415, 422))
async def create_link(
    case_id: UUID,
    body: NewLink,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> NewLinkView:
    """The guest's page shows the documents and messages that are named here or shared later, and nothing else of the case. Its
    address is a secret that is told once and kept nowhere: who loses it revokes the link and makes another.
    """
    idempotency.require(key)
    now = clock.now()
    token = new_token(tenant)
    async with database.begin(tenant) as tx:
        await require_case(tx, tenant, case_id)
        digest = idempotency.digest("create_link", str(case_id), body.model_dump_json())
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is not None:
            return NewLinkView.model_validate_json(kept.body)
        link = Link(
            link_id=uuid7(),
            case_id=case_id,
            name=body.name,
            role=body.role,
            subject=body.subject,
            language=body.language,
            may_answer=body.may_answer,
            may_upload=body.may_upload,
            created_by=who,
            created_at=now,
            expires_at=now + timedelta(days=body.days),
        )
        await store.insert_link(tx, tenant, link, hash_of(token) or "")
        await store.log(tx, tenant, link, "link_created", who, now)
        await _share(tx, tenant, who, link, body.documents, body.messages, clock)
        [shown] = await _views(tx, tenant, [link], clock)
        told = NewLinkView(**shown.model_dump(), path=None)
        await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, told.model_dump_json()))
    return told.model_copy(update={"path": f"/guest/{token}"})


async def _share(
    tx: AsyncConnection, tenant: str, who: str, link: Link, documents: Collection[UUID], messages: Collection[UUID], clock: Any
) -> None:
    """Let a link show items of its own case. Errors: Problem 404 for any other."""
    now = clock.now()
    if not set(documents) <= {row["document_id"] for row in await list_documents(tx, tenant, link.case_id, ["current"])}:
        raise not_found("current document of this case")
    if not set(messages) <= {row["message_id"] for row in await store.messages_of_case(tx, tenant, link.case_id)}:
        raise not_found("message of this case")
    new = await store.share(tx, tenant, link.link_id, "document", documents, now)
    await store.log(tx, tenant, link, "document_shared", who, now, items=new)
    new = await store.share(tx, tenant, link.link_id, "message", messages, now)
    await store.log(tx, tenant, link, "message_shared", who, now, items=new)


async def _views(tx: AsyncConnection, tenant: str, links: Sequence[Link], clock: Any) -> list[LinkView]:
    shown = await store.shares(tx, tenant, [link.link_id for link in links])
    now = clock.now()

    def items(link: Link, kind: str) -> list[UUID]:
        return [each["item_id"] for each in shown if each["link_id"] == link.link_id and each["kind"] == kind]

    return [
        LinkView.model_validate(
            {name: getattr(link, name) for name in Link.__struct_fields__}
            | {"documents": items(link, "document"), "messages": items(link, "message"), "opens": link.opens(now)}
        )
        for link in links
    ]


@router.get(f"{_CASE}/guest-links", summary="Who was let in, and to what", responses=responses(404, 422))
async def list_links(case_id: UUID, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> Links:
    async with database.begin(tenant) as tx:
        await require_case(tx, tenant, case_id)
        return Links(items=await _views(tx, tenant, await store.links_of_case(tx, tenant, case_id), clock))


@router.post(f"{_CASE}/guest-links/{{link_id}}/shares", summary="Show a guest more", responses=responses(404, 409, 415, 422))
async def share_more(
    case_id: UUID, link_id: UUID, body: Share, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> LinkView:
    """What is shown already stays so; said again, it changes nothing."""
    async with database.begin(tenant) as tx:
        link = await _open(tx, tenant, case_id, link_id, clock)
        await _share(tx, tenant, who, link, body.documents, body.messages, clock)
        [shown] = await _views(tx, tenant, [link], clock)
    return shown


async def _locked(tx: AsyncConnection, tenant: str, case_id: UUID, link_id: UUID) -> Link:
    link = await store.lock_link(tx, tenant, link_id)
    if link is None or link.case_id != case_id:
        raise not_found("guest link of this case")
    return link


async def _open(tx: AsyncConnection, tenant: str, case_id: UUID, link_id: UUID, clock: Any) -> Link:
    link = await _locked(tx, tenant, case_id, link_id)
    if not link.opens(clock.now()):
        raise Problem(409, "link-closed", "The link has expired or was revoked; make another.")
    return link


@router.delete(
    f"{_CASE}/guest-links/{{link_id}}/shares/{{item_id}}",
    summary="Show a guest something no longer",
    status_code=204,
    responses=responses(404, 422),
)
async def end_share(
    case_id: UUID, link_id: UUID, item_id: UUID, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> Response:
    async with database.begin(tenant) as tx:
        link = await _locked(tx, tenant, case_id, link_id)
        if await store.unshare(tx, tenant, link_id, item_id):
            await store.log(tx, tenant, link, "share_ended", who, clock.now(), items=[item_id])
    return Response(status_code=204)


@router.delete(
    f"{_CASE}/guest-links/{{link_id}}", summary="Let a guest in no longer", status_code=204, responses=responses(404, 422)
)
async def revoke_link(
    case_id: UUID, link_id: UUID, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> Response:
    """The link opens nothing from this moment on; what was disclosed by it stays in the log."""
    async with database.begin(tenant) as tx:
        link = await _locked(tx, tenant, case_id, link_id)
        if link.revoked_at is None:
            await store.revoke(tx, tenant, link_id, clock.now())
            await store.log(tx, tenant, link, "link_revoked", who, clock.now())
    return Response(status_code=204)


@router.get(f"{_CASE}/disclosures", summary="What guests were shown and did", responses=responses(400, 404, 422))
async def list_disclosures(
    case_id: UUID, tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[DisclosureView]:
    """Newest first; nothing is ever taken out."""
    filters = {"case_id": case_id, "of": "disclosures"}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        await require_case(tx, tenant, case_id)
        rows = await store.disclosures(tx, tenant, case_id, before, limit + 1)
    return cut_page(rows, limit, tenant, filters, lambda row: DisclosureView.model_validate(dict(row)))
