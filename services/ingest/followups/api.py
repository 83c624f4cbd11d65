"""Follow-ups over HTTP: what to act on, and what people say of it."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from msgspec.structs import replace

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from libs.common.http.written import Day
from services.ingest.followups import queries, store, telling
from services.ingest.followups.lifecycle import Followup, Step, step
from services.ingest.followups.rules import Kind
from services.ingest.followups.views import EditFollowup, FollowupDetail, FollowupView

router = APIRouter(tags=["followups"])


@router.get("/v1/followups", summary="What to act on, the most urgent first", responses=responses(400, 422))
async def list_followups(
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    status: Annotated[
        Literal["open", "snoozed", "resolved", "all"], Query(description="snoozed ones are not among the open ones")
    ] = "open",
    kind: Annotated[Kind | None, Query(description="only this kind")] = None,
    payer: Annotated[str | None, Query(max_length=80, description="payer id, as the claim or the remittance gives it")] = None,
    owner: Annotated[str | None, Query(max_length=80, description="who takes care of it")] = None,
    subject_id: Annotated[UUID | None, Query(description="those of one claim, remit, remittance or deposit")] = None,
    due_before: Annotated[Day | None, Query(description="due before this day")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[FollowupView]:
    wanted = {"kind": kind, "payer_id": payer, "owner": owner, "subject_id": subject_id}
    filters = {**wanted, "status": status, "due_before": due_before}
    after = read_cursor(cursor, tenant, filters, _place)
    today = clock.now().date()
    async with database.begin(tenant) as tx:
        rows = await queries.find(
            tx, tenant, wanted, status=status, due_before=due_before, today=today, after=after, limit=limit + 1
        )
    return cut_page(
        rows,
        limit,
        tenant,
        filters,
        lambda row: FollowupView.of(row, today),
        position=lambda row: f"{row['due_on']} {row['followup_id']}",
    )


def _place(told: str) -> queries.Place:
    on, followup_id = told.split(" ")
    return date.fromisoformat(on), UUID(followup_id)


@router.get("/v1/followups/{followup_id}", summary="One of them, with its history", responses=responses(404, 422))
async def get_followup(
    followup_id: UUID, response: Response, tenant: TenantDep, database: DatabaseDep, clock: ClockDep
) -> FollowupDetail:
    """The `ETag` is what `PATCH` wants in `If-Match`."""
    return await _detail(followup_id, response, tenant, database, clock)


async def _detail(followup_id: UUID, response: Response, tenant: str, database: Database, clock: Clock) -> FollowupDetail:
    async with database.begin(tenant) as tx:
        found = await queries.get(tx, tenant, followup_id)
    if found is None:
        raise not_found("follow-up")
    detail = FollowupDetail.build(*found, clock.now().date())
    response.headers["ETag"] = etag(detail.version)
    return detail


@router.patch(
    "/v1/followups/{followup_id}",
    summary="Take it over, note something, put it off, end it",
    responses=responses(400, 404, 409, 412, 415, 422, 428),
)
async def edit_followup(
    followup_id: UUID,
    body: EditFollowup,
    response: Response,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    if_match: IfMatch = None,
) -> FollowupDetail:
    """Who changed what and when is kept. Two who change at once do not overwrite each other: the second is told."""
    version = read_version(if_match)
    now = clock.now()
    asked = {name: getattr(body, name) for name in body.model_fields_set}
    if body.snoozed_until is not None and body.snoozed_until <= now.date():
        raise Problem(422, "snooze-in-the-past", "`snoozed_until` must be a day after today.")
    async with database.begin(tenant) as tx:
        before = await store.lock_one(tx, tenant, followup_id)
        if before is None:
            raise not_found("follow-up")
        check_version(before.version, version, "follow-up")
        told = _edited(before, asked, who, now)
        if told is not None:
            await telling.write(tx, tenant, [told])
            await store.touch(tx, tenant, [(before.about.subject, before.about.subject_id)], now)
    return await _detail(followup_id, response, tenant, database, clock)


def _edited(before: Followup, asked: dict[str, Any], who: str, now: datetime) -> Step | None:
    """Return the step that a person's words come to; None where nothing changes.

    Errors: Problem 409 for one that is resolved, unless a person's own resolution is taken back.
    """
    reopens = before.resolved_by == "person" and "resolution" in asked and asked["resolution"] is None
    if before.status == "resolved" and not reopens:
        raise Problem(
            409, "followup-resolved", "The follow-up is resolved; one that a person resolved is opened by a null resolution."
        )
    after = replace(before, **asked)
    if asked.get("resolution") is not None:
        after = replace(after, status="resolved", resolved_by="person", resolved_at=now)
        return step("resolved", who, before, after, now)
    if reopens:
        after = replace(after, status="open", resolved_by=None, resolved_at=None)
        return step("reopened", who, before, after, now)
    return None if after == before else step("edited", who, before, after, now)
