"""Requests for records over HTTP: all that payers asked, and those that no case has, which a person attaches to one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from services.appeals import store as cases
from services.appeals.records import store
from services.appeals.records.attaching import give
from services.appeals.records.views import AttachRequest, ListedRequestView
from services.appeals.workflow import Command, Move

router = APIRouter(tags=["cases"])


def _position(told: str) -> tuple[datetime, UUID]:
    at, request_id = told.split(" ")
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment, UUID(request_id)


@router.get("/v1/records-requests", summary="What payers ask for, newest first", responses=responses(400, 422))
async def list_records_requests(
    tenant: TenantDep,
    database: DatabaseDep,
    attached: Annotated[
        bool | None, Query(description="`false`: only those that no case has; `true`: only those that one has")
    ] = None,
    answered: Annotated[bool | None, Query(description="only those to which documents were sent, or were not")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[ListedRequestView]:
    """One whose account has no case waits here: a case that opens for the account takes it, or a person attaches it to another."""
    filters = {"list": "records-requests", "attached": attached, "answered": answered}
    before = read_cursor(cursor, tenant, filters, _position)
    async with database.begin(tenant) as tx:
        rows = await store.find(tx, tenant, attached=attached, answered=answered, before=before, limit=limit + 1)
    return cut_page(
        rows,
        limit,
        tenant,
        filters,
        lambda row: ListedRequestView.model_validate(dict(row)),
        position=lambda row: f"{row['received_at'].isoformat()} {row['request_id']}",
    )


@router.post(
    "/v1/records-requests/{request_id}/attach",
    summary="Say which case a request for records is about",
    responses=responses(404, 409, 415, 422),
)
async def attach_records_request(
    request_id: UUID, body: AttachRequest, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> ListedRequestView:
    """The case takes the step `request_information` where its state allows it, has the payer's day as a deadline, and its checklist
    asks for what the payer asks for. Said again, it changes nothing; what one case has, no other gets.
    """
    now = clock.now()
    async with database.begin(tenant) as tx:
        row = await cases.lock_row(tx, tenant, body.case_id)
        request = await store.lock_request(tx, tenant, request_id)
        if request is None:
            raise not_found("request for records")
        if row is None:
            raise not_found("case")
        if request["case_id"] not in (None, body.case_id):
            raise Problem(409, "already-attached", "Another case has this request.", case_id=str(request["case_id"]))
        if request["case_id"] is None:
            move = Move(command=Command.REQUEST_INFORMATION, who=who, why=body.why)
            await give(tx, {(tenant, body.case_id): row}, [(tenant, request_id, body.case_id)], move, now)
            request = await store.request_of(tx, tenant, body.case_id, request_id)
    return ListedRequestView.model_validate(dict(request or {}))
