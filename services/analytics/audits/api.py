"""Audits over HTTP: planned, reviewed item by item by two people, settled, and read."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Response
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor, read_number_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from libs.common.orders import CLOCKS_APART
from libs.common.table_files import MEDIA_TYPES
from services.analytics.audits import documents, store
from services.analytics.audits.plans import ITEMS_MAX, CannotSucceed, succeed
from services.analytics.audits.results import Reviewed, results
from services.analytics.audits.reviewing import FINAL, ItemState, Verdict, judge
from services.analytics.audits.store import Audit, Item
from services.analytics.audits.views import AuditBody, AuditView, ItemView, ReassignBody, ResultsView, Reviewer, VerdictBody

router = APIRouter(tags=["audits"])
AuditId = Annotated[UUID, Path(description="as it was answered")]
_FILE: Final = {"type": "string", "format": "binary"}
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="the item's place in the sample")]


@router.post("/v1/audits", summary="Plan an audit; its sample is drawn", status_code=202, responses=responses(400, 409, 413, 422))
async def begin_audit(
    body: AuditBody, tenant: TenantDep, database: DatabaseDep, clock: ClockDep, response: Response, key: idempotency.Key = None
) -> AuditView:
    """Poll its Location until it is `reviewing`. As of a day that has ended (`is_final`) the same plan draws the same denials."""
    idempotency.require(key)
    now = clock.now()
    as_of = body.as_of or now.date()
    if as_of > now.date():
        raise Problem(422, "bad-day", "`as_of` is a day that has come.")
    audit: Audit | None = Audit(tenant, uuid7(), body.to_plan(), as_of, "drawing", created_at=now, leased_until=now - CLOCKS_APART)
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("begin_audit", body.model_dump_json()), now)
        if kept is not None:
            audit = await store.get(tx, tenant, UUID(kept.body))
        elif audit is not None:
            await store.insert(tx, audit)
            await idempotency.finish(tx, tenant, key, idempotency.Kept(202, None, str(audit.audit_id)))
    if audit is None:
        raise not_found("audit")
    response.headers["Location"] = f"/v1/audits/{audit.audit_id}"
    return AuditView.of(audit)


@router.get("/v1/audits", summary="Audits, newest first", responses=responses(400, 422))
async def list_audits(tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[AuditView]:
    before = read_id_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        rows = await store.page(tx, tenant, before=before, limit=limit + 1)
    return cut_page(rows, limit, tenant, {}, AuditView.of, position=lambda row: row.audit_id)


@router.get("/v1/audits/{audit_id}", summary="One audit, and how far it is", responses=responses(404, 422))
async def get_audit(audit_id: AuditId, tenant: TenantDep, database: DatabaseDep) -> AuditView:
    async with database.begin(tenant) as tx:
        return AuditView.of(await _audit(tx, tenant, audit_id))


@router.post("/v1/audits/{audit_id}:cancel", summary="Cancel an audit that is under way", responses=responses(404, 409, 422))
async def cancel_audit(audit_id: AuditId, tenant: TenantDep, database: DatabaseDep) -> AuditView:
    """Its items are reviewed no further, and it has no results. What was held to be so of an item stays so, and its label too."""
    async with database.begin(tenant) as tx:
        audit = await _locked(tx, tenant, audit_id)
        if audit.state != "cancelled":
            audit = replace(_under_way(audit), state="cancelled")
            await store.change(tx, audit)
        return AuditView.of(audit)


@router.post(
    "/v1/audits/{audit_id}:reassign",
    summary="Let another person review in the place of a reviewer",
    responses=responses(404, 409, 413, 415, 422),
)
async def reassign_audit(audit_id: AuditId, body: ReassignBody, tenant: TenantDep, database: DatabaseDep) -> AuditView:
    """What the one before said counts, and may be changed by the successor where the other review is not in."""
    async with database.begin(tenant) as tx:
        audit = await _locked(tx, tenant, audit_id)
        place = audit.plan.former.get(body.reviewer)
        if place is None or audit.plan.reviewers[place] != body.successor:  # else it was sent twice, and is done
            try:
                audit = replace(_under_way(audit), plan=succeed(audit.plan, body.reviewer, body.successor))
            except CannotSucceed as error:
                raise Problem(409, "successor-refused", _WHY[error.reason], reason=error.reason) from None
            await store.change(tx, audit)
        return AuditView.of(audit)


_WHY: Final = {
    "not_a_reviewer": "Nobody of this name reviews in this audit now.",
    "reviews_already": "The successor is, or was, the other reviewer: an item is reviewed by two.",
}


def _under_way(audit: Audit) -> Audit:
    if audit.state not in ("drawing", "reviewing"):
        raise Problem(409, "audit-ended", f"The audit is {audit.state}.", reason=audit.state)
    return audit


async def _locked(tx: AsyncConnection, tenant: str, audit_id: UUID) -> Audit:
    audit = await store.lock(tx, tenant, audit_id)
    if audit is None:
        raise not_found("audit")
    return audit


@router.get("/v1/audits/{audit_id}/items", summary="The sample, as it was drawn", responses=responses(400, 404, 422))
async def list_audit_items(
    audit_id: AuditId,
    tenant: TenantDep,
    database: DatabaseDep,
    state: Annotated[list[ItemState] | None, Query(max_length=5, description="any of these")] = None,
    waits_for: Annotated[Reviewer | None, Query(description="what this reviewer has still to review")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[ItemView]:
    asked = {"audit": audit_id, "state": None if state is None else sorted(state), "waits_for": waits_for}
    after = read_number_cursor(cursor, tenant, asked)
    async with database.begin(tenant) as tx:
        audit = await _audit(tx, tenant, audit_id)
        names = None if waits_for is None else audit.plan.names_of(waits_for)
        states = [] if names == [] else state  # nothing waits for who is no reviewer
        rows = await store.items(tx, tenant, audit_id, states=states, waits_for=names, after=after or 0, limit=limit + 1)
        told = await store.reviews(tx, tenant, audit_id, [row.item for row in rows])
    return cut_page(rows, limit, tenant, asked, lambda row: _view(row, told), position=lambda row: row.item)


def _view(item: Item, reviews: dict[int, dict[str, Verdict]]) -> ItemView:
    return ItemView.of(item, reviews.get(item.item, {}))


@router.put(
    "/v1/audits/{audit_id}/items/{item}/review",
    summary="Fill in the review form of an item",
    responses=responses(403, 404, 409, 413, 422),
)
async def put_review(
    audit_id: AuditId,
    item: Number,
    body: VerdictBody,
    tenant: TenantDep,
    reviewer: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> ItemView:
    """By whoever asks, who is one of the plan's two reviewers.

    It may be changed until the other's is in. When both say the same, the item is `agreed`; otherwise `disputed`.
    """
    async with database.begin(tenant) as tx:
        audit = await _locked(tx, tenant, audit_id)
        if reviewer not in audit.plan.reviewers:
            raise Problem(403, "not-a-reviewer", "The plan of this audit names two reviewers, and you are neither.")
        held = await _open_item(tx, audit, item)
        told = (await store.reviews(tx, tenant, audit_id, [item])).get(item, {})
        if told.get(reviewer) == body.to_verdict():
            return ItemView.of(held, told)
        if held.state == "disputed":
            raise Problem(409, "item-disputed", "Both reviews are in and differ: settle it.")
        place = audit.plan.place_of(reviewer)
        before = [name for name in told if name != reviewer and audit.plan.place_of(name) == place]
        told = {name: verdict for name, verdict in told.items() if name not in before} | {reviewer: body.to_verdict()}
        await store.keep_review(tx, held, reviewer, told[reviewer], clock.now(), instead_of=before)
        state, verdict = judge(list(told.values()))
        await _decide(tx, held, state, verdict, None)
        return await _shown(tx, audit, item)


@router.put(
    "/v1/audits/{audit_id}/items/{item}/settlement", summary="Settle a dispute", responses=responses(403, 404, 409, 413, 422)
)
async def put_settlement(
    audit_id: AuditId, item: Number, body: VerdictBody, tenant: TenantDep, settled_by: WhoDep, database: DatabaseDep
) -> ItemView:
    """What whoever asks, who is neither of the two reviewers, holds to be so where their reviews differ. It is final."""
    verdict = body.to_verdict()
    async with database.begin(tenant) as tx:
        audit = await _locked(tx, tenant, audit_id)
        told = (await store.reviews(tx, tenant, audit_id, [item])).get(item, {})
        if settled_by in (*audit.plan.reviewers, *told):
            raise Problem(403, "settles-own-dispute", "You are one of the two whose reviews differ: a third person settles it.")
        held = await _open_item(tx, audit, item, settled=(verdict, settled_by))
        if held.state == "settled":
            return await _shown(tx, audit, item)
        if held.state != "disputed":
            raise Problem(409, "item-not-disputed", "Only what two reviews differ in is settled.")
        await _decide(tx, held, "settled", verdict, settled_by)
        return await _shown(tx, audit, item)


async def _open_item(tx: AsyncConnection, audit: Audit, number: int, settled: tuple[Verdict, str] | None = None) -> Item:
    """Lock an item that is not final, or that is settled exactly so. Errors: Problem 404, 409."""
    if audit.state == "cancelled":
        raise Problem(409, "audit-ended", "The audit is cancelled.", reason=audit.state)
    item = await store.lock_item(tx, audit.tenant_id, audit.audit_id, number)
    if item is None:
        raise not_found("item")
    if item.state in FINAL and (item.verdict, item.settled_by) != settled:
        raise Problem(409, "item-final", "The item is agreed or settled, and final.")
    return item


async def _decide(tx: AsyncConnection, item: Item, state: ItemState, verdict: Verdict | None, settled_by: str | None) -> None:
    """Write where an item stands. What is held to be so is a label, if it says what the denial is."""
    says = verdict is not None and (verdict.category is not None or item.unit.action != "")
    await store.decide(tx, item, state, verdict, settled_by, "waiting" if says else "none")


async def _shown(tx: AsyncConnection, audit: Audit, number: int) -> ItemView:
    (item,) = await store.items(tx, audit.tenant_id, audit.audit_id, after=number - 1, limit=1)
    return _view(item, await store.reviews(tx, audit.tenant_id, audit.audit_id, [number]))


@router.get("/v1/audits/{audit_id}/results", summary="What the audit found, with intervals", responses=responses(404, 409, 422))
async def get_results(audit_id: AuditId, tenant: TenantDep, database: DatabaseDep) -> ResultsView:
    """Of an audit whose items are all final: a part of them would be another sample than the one that was drawn."""
    async with database.begin(tenant) as tx:
        audit = await _audit(tx, tenant, audit_id)
        reviewed = await _reviewed(tx, audit)
    found = await asyncio.to_thread(results, audit.plan, audit.strata, reviewed)
    told = msgspec.to_builtins(found)
    return ResultsView.model_validate({**told, "audit_id": audit_id, "confidence": audit.plan.confidence})


_PDF, _XLSX = "application/pdf", MEDIA_TYPES["xlsx"]


@router.get(
    "/v1/audits/{audit_id}/report.pdf",
    summary="The report to read",
    response_class=Response,
    responses={**responses(404, 409, 422), 200: {"content": {_PDF: {"schema": _FILE}}, "description": "A PDF/A"}},
)
async def get_report_pdf(audit_id: AuditId, tenant: TenantDep, database: DatabaseDep) -> Response:
    """The same audit gives the same bytes."""
    async with database.begin(tenant) as tx:
        audit = await _audit(tx, tenant, audit_id)
        reviewed = await _reviewed(tx, audit)
    made = await asyncio.to_thread(_pdf, audit, reviewed)
    return Response(made, media_type=_PDF, headers=_named(f"audit-{audit_id}.pdf"))


@router.get(
    "/v1/audits/{audit_id}/report.xlsx",
    summary="The report to work with, with every item",
    response_class=Response,
    responses={**responses(404, 409, 422), 200: {"content": {_XLSX: {"schema": _FILE}}, "description": "A workbook"}},
)
async def get_report_xlsx(audit_id: AuditId, tenant: TenantDep, database: DatabaseDep) -> Response:
    async with database.begin(tenant) as tx:
        audit = await _audit(tx, tenant, audit_id)
        reviewed = await _reviewed(tx, audit)
    made = await asyncio.to_thread(_workbook, audit, reviewed)
    return Response(made, media_type=_XLSX, headers=_named(f"audit-{audit_id}.xlsx"))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _pdf(audit: Audit, reviewed: Sequence[Reviewed]) -> bytes:
    found = results(audit.plan, audit.strata, reviewed)
    return documents.pdf(f"Audit {audit.audit_id}", audit.plan, audit.as_of, audit.strata, found)


def _workbook(audit: Audit, reviewed: Sequence[Reviewed]) -> bytes:
    found = results(audit.plan, audit.strata, reviewed)
    return documents.workbook(f"Audit {audit.audit_id}", audit.plan, audit.as_of, audit.strata, found, reviewed)


async def _reviewed(tx: AsyncConnection, audit: Audit) -> Sequence[Reviewed]:
    """Return the whole sample with what is held to be so. Errors: Problem 409 while it is under way."""
    if audit.state != "done":
        raise Problem(409, "audit-not-done", "The audit has results when all its items are agreed or settled.")
    items = await store.items(tx, audit.tenant_id, audit.audit_id, limit=2 * ITEMS_MAX)
    told = await store.reviews(tx, audit.tenant_id, audit.audit_id, [item.item for item in items])
    return [
        Reviewed(item.unit, item.stratum, item.probability, item.verdict, told.get(item.item, {}))
        for item in items
        if item.verdict is not None
    ]


async def _audit(tx: AsyncConnection, tenant: str, audit_id: UUID) -> Audit:
    audit = await store.get(tx, tenant, audit_id)
    if audit is None:
        raise not_found("audit")
    return audit
