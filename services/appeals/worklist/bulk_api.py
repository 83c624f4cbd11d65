"""Bulk actions and submissions over HTTP: begun, watched, cancelled; filled and looked through."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Response
from msgspec.structs import replace

from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.appeals.worklist import bulk_store, desk, submissions
from services.appeals.worklist.bulk_store import Bulk
from services.appeals.worklist.choosing import Chosen
from services.appeals.worklist.views import BulkBody, BulkView, RefusalView, SubmissionBody, SubmissionView

router = APIRouter(tags=["worklist"])
CASES_MAX: Final = 100_000  # a bulk action is one decision, and holds up the next one
BulkId = Annotated[UUID, Path(description="the bulk action")]
SubmissionId = Annotated[UUID, Path(description="the submission")]


@router.post(
    "/v1/cases:bulk", summary="Do one thing to all cases of a filter", status_code=202, responses=responses(400, 404, 409, 415, 422)
)
async def begin_bulk(
    body: BulkBody,
    response: Response,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> BulkView:
    """One decision for a root cause. `Location` tells how far it is; a case that cannot take it is left as it is, and told why."""
    idempotency.require(key)
    action, chosen = body.to_action(), body.chosen.to_chosen()
    if action is None:
        raise Problem(422, "not-one-action", "Say exactly one of `edit`, `command` with `why`, and `submission_id`.")
    if chosen in (Chosen(), Chosen(open_only=True)):
        raise Problem(422, "no-filter", "Say in `chosen` which cases are meant; all of them at once are not.")
    now = clock.now()
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("begin_bulk", body.model_dump_json()), now)
        if kept is not None:
            response.headers["Location"] = kept.location or ""
            return BulkView.model_validate_json(kept.body)
        if action.submission_id is not None and await submissions.get(tx, tenant, action.submission_id) is None:
            raise not_found("submission")
        total = await desk.count(tx, tenant, chosen, CASES_MAX + 1)
        if total > CASES_MAX:
            detail = f"The filter means more than {CASES_MAX} cases; narrow it, and go on with the next part when this one is done."
            raise Problem(422, "too-many-cases", detail, cases_max=CASES_MAX)
        bulk = Bulk(tenant, uuid7(), action, chosen, who, "waiting", bulk_store.NOWHERE, total, 0, 0, 0, now, now)
        await bulk_store.insert(tx, bulk)
        view, location = BulkView.of(bulk), f"/v1/bulk-actions/{bulk.bulk_id}"
        await idempotency.finish(tx, tenant, key, idempotency.Kept(202, location, view.model_dump_json()))
    response.headers["Location"] = location
    return view


@router.get("/v1/bulk-actions", summary="Bulk actions, newest first", responses=responses(400, 422))
async def list_bulks(tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[BulkView]:
    filters = {"list": "bulk-actions"}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await bulk_store.find(tx, tenant, before=before, limit=limit + 1)
    return cut_page(rows, limit, tenant, filters, BulkView.of, position=lambda row: row.bulk_id)


@router.get("/v1/bulk-actions/{bulk_id}", summary="How far a bulk action is", responses=responses(404, 422))
async def get_bulk(bulk_id: BulkId, tenant: TenantDep, database: DatabaseDep) -> BulkView:
    async with database.begin(tenant) as tx:
        bulk = await bulk_store.get(tx, tenant, bulk_id)
    if bulk is None:
        raise not_found("bulk action")
    return BulkView.of(bulk)


@router.get("/v1/bulk-actions/{bulk_id}/refusals", summary="Cases that were left as they are", responses=responses(400, 404, 422))
async def list_refusals(
    bulk_id: BulkId, tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[RefusalView]:
    filters = {"bulk_id": bulk_id}
    after = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        if await bulk_store.get(tx, tenant, bulk_id) is None:
            raise not_found("bulk action")
        rows = await bulk_store.refusals(tx, tenant, bulk_id, after=after, limit=limit + 1)
    return cut_page(rows, limit, tenant, filters, lambda row: RefusalView(**dict(row)), position=lambda row: row["case_id"])


@router.post("/v1/bulk-actions/{bulk_id}/cancel", summary="Stop a bulk action", responses=responses(404, 409, 422))
async def cancel_bulk(bulk_id: BulkId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> BulkView:
    """What was done stays; the batch at work ends first."""
    async with database.begin(tenant) as tx:
        bulk = await bulk_store.get(tx, tenant, bulk_id, lock=True)
        if bulk is None:
            raise not_found("bulk action")
        if bulk.state == "done":
            raise Problem(409, "bulk-done", "The bulk action is done.")
        bulk = replace(bulk, state="cancelled", updated_at=clock.now())
        await bulk_store.update(tx, bulk)
    return BulkView.of(bulk)


@router.post("/v1/submissions", summary="Begin a submission", status_code=201, responses=responses(400, 409, 415, 422))
async def begin_submission(
    body: SubmissionBody,
    response: Response,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> SubmissionView:
    """Cases of one payer and one category that go out together. `POST /v1/cases:bulk` with its id puts cases in."""
    idempotency.require(key)
    now = clock.now()
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("begin_submission", body.model_dump_json()), now)
        if kept is not None:
            response.headers["Location"] = kept.location or ""
            return SubmissionView.model_validate_json(kept.body)
        view = SubmissionView(
            submission_id=uuid7(), payer_id=body.payer, category=body.category, note=body.note, created_by=who,
            created_at=now, cases=0,
        )  # fmt: skip
        await submissions.insert(tx, tenant, view.model_dump())
        location = f"/v1/submissions/{view.submission_id}"
        await idempotency.finish(tx, tenant, key, idempotency.Kept(201, location, view.model_dump_json()))
    response.headers["Location"] = location
    return view


@router.get("/v1/submissions", summary="Submissions, newest first", responses=responses(400, 422))
async def list_submissions(
    tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[SubmissionView]:
    filters = {"list": "submissions"}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await submissions.find(tx, tenant, before=before, limit=limit + 1)
    return cut_page(
        rows, limit, tenant, filters, lambda row: SubmissionView(**dict(row)), position=lambda row: row["submission_id"]
    )


@router.get("/v1/submissions/{submission_id}", summary="A submission", responses=responses(404, 422))
async def get_submission(submission_id: SubmissionId, tenant: TenantDep, database: DatabaseDep) -> SubmissionView:
    """Its cases are those of `GET /v1/cases?submission_id=...`."""
    async with database.begin(tenant) as tx:
        row = await submissions.get(tx, tenant, submission_id)
    if row is None:
        raise not_found("submission")
    return SubmissionView(**dict(row))


@router.delete(
    "/v1/submissions/{submission_id}/cases/{case_id}", summary="Take a case out", status_code=204, responses=responses(404, 422)
)
async def take_out(submission_id: SubmissionId, case_id: UUID, tenant: TenantDep, database: DatabaseDep) -> None:
    async with database.begin(tenant) as tx:
        if not await submissions.take_out(tx, tenant, submission_id, case_id):
            raise not_found("case in this submission")
