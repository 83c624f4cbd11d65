"""The worklist over HTTP: lists, the next case, leases, who has what, tags, comments, teams."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.audit.acting import about
from libs.common.clock import Clock
from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, PeriodDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.http.written import Day
from services.appeals.deadlines import counting
from services.appeals.deadlines.clocks import Clock as CaseClock
from services.appeals.deadlines.clocks import standing
from services.appeals.deadlines.levels import UNCONFIGURED
from services.appeals.payers import store as payers
from services.appeals.views import CaseView
from services.appeals.workflow import CaseState
from services.appeals.worklist import desk, store
from services.appeals.worklist.choosing import Chosen, Sort, Task
from services.appeals.worklist.placing import Case, clocks_of, lease_end
from services.appeals.worklist.views import (
    ClockView,
    CommentBody,
    CommentView,
    DeadlinesView,
    EditBody,
    LeaseBody,
    Name,
    NextBody,
    Person,
    TeamBody,
    TeamView,
    WarningView,
    WorkEdit,
    WorkView,
)

router = APIRouter(tags=["worklist"])
CaseId = Annotated[UUID, Path(description="the case")]


def _cents(told: str) -> int:
    cents = int(told)
    if not -(1 << 63) <= cents < 1 << 63:
        raise ValueError("out of range")
    return cents


# What the cursor of each order holds beside the case.
_PLACES: dict[Sort, tuple[str, Any]] = {
    "newest": ("row_id", UUID),
    "deadline": ("due_on", date.fromisoformat),
    "expected": ("expected_cents", _cents),
    "amount": ("denied_cents", _cents),
}


@router.get("/v1/cases", summary="Cases, newest first or as they are to be worked", responses=responses(400, 422), tags=["cases"])
async def list_cases(
    tenant: TenantDep,
    database: DatabaseDep,
    period: PeriodDep,
    sort: Annotated[
        Sort,
        Query(description="other than `newest`: only what is ours to act on; `deadline` the nearest first, else the most first"),
    ] = "newest",
    state: Annotated[CaseState | None, Query(description="only cases in this state")] = None,
    payer: Annotated[str | None, Query(max_length=80, description="payer id (TRN03)")] = None,
    category: Annotated[str | None, Query(max_length=40, description="the denial's category")] = None,
    action: Annotated[str | None, Query(max_length=40, description="what to do")] = None,
    carc: Annotated[str | None, Query(max_length=10, description="with this adjustment reason code")] = None,
    denial_id: Annotated[UUID | None, Query(description="the case of one denial")] = None,
    pcn: Annotated[str | None, Query(max_length=400, description="patient control number, as billed or as echoed")] = None,
    assignee: Annotated[Person | None, Query(description="whose it is")] = None,
    team: Annotated[Name | None, Query(description="which team's it is")] = None,
    tag: Annotated[Name | None, Query(description="with this tag")] = None,
    mentioned: Annotated[Person | None, Query(description="with a comment that mentions somebody")] = None,
    snoozed: Annotated[bool | None, Query(description="put off, or not")] = None,
    deadline: Annotated[
        Literal["firm", "assumed", "unknown", "none"] | None,
        Query(description="how sure the last day is; `unknown` and `assumed`: somebody has to settle the payer"),
    ] = None,
    due_before: Annotated[Day | None, Query(description="with a last day before this one")] = None,
    submission_id: Annotated[UUID | None, Query(description="of one submission")] = None,
    task: Annotated[Task | None, Query(description="with something that somebody has to see to")] = None,
    open_only: Annotated[bool, Query(description="only what is ours to act on")] = False,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[CaseView]:
    chosen = Chosen(
        state=state, payer=payer, category=category, action=action, carc=carc, denial_id=denial_id, pcn=pcn,
        first_on=period.first, last_on=period.last, assignee=assignee, team=team, tag=tag, mentioned=mentioned, snoozed=snoozed,
        deadline=deadline, due_before=due_before, submission_id=submission_id, task=task, open_only=open_only,
    )  # fmt: skip
    filters = {**msgspec.structs.asdict(chosen), "sort": sort}
    name, parse = _PLACES[sort]

    def position(told: str) -> desk.Position:
        value, case_id = told.split(" ")
        return parse(value), UUID(case_id)

    after = read_cursor(cursor, tenant, filters, position)
    async with database.begin(tenant) as tx:
        rows = await desk.find(tx, tenant, chosen, sort, after=after, limit=limit + 1)

    def place(row: RowMapping) -> str:
        return f"{row['deadline_on'] if name == 'due_on' else row[name]} {row['case_id']}"

    return cut_page(rows, limit, tenant, filters, CaseView.of, position=place)


@router.post(
    "/v1/cases:next",
    summary="The best case that nobody works on",
    responses={**responses(400, 409, 422), 204: {"description": "there is none for this person"}},
    response_model=CaseView,
)
async def next_case(
    body: NextBody, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep, key: idempotency.Key = None
) -> CaseView | Response:
    """Of the cases assigned to whoever asks, to one of their teams, or to nobody: the most valuable, weighted by its deadline.

    It is leased: nobody else is given it until the lease is over, released, or the case is with the payer.
    """
    now = clock.now()
    digest = idempotency.digest("next_case", who, body.model_dump_json())
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is not None:
            return Response(kept.body, kept.status, media_type="application/json")
        row = await store.take_next(tx, tenant, who, now, lease_end(now, body.lease_seconds), payer_id=body.payer)
        if row is None:
            await idempotency.finish(tx, tenant, key, idempotency.Kept(204, None, ""))
            return Response(status_code=204)
        view = CaseView.of(row)
        about(view.case_id)
        await idempotency.finish(tx, tenant, key, idempotency.Kept(200, None, view.model_dump_json()))
    return view


@router.put("/v1/cases/{case_id}/lease", summary="Take a case, or hold it longer", responses=responses(404, 409, 422))
async def take_lease(
    case_id: CaseId, body: LeaseBody, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> CaseView:
    """It is then held by whoever asks."""
    now = clock.now()
    until = lease_end(now, body.lease_seconds)

    def take(case: Case) -> Case:
        return msgspec.structs.replace(case, holder=who, leased_until=until)

    async with database.begin(tenant) as tx:
        before = await _locked(tx, tenant, case_id)
        _check_holder(before, who, clock)
        ((_, placed),) = await store.move(tx, [take(before)], now)
        if placed.place != "leased":
            raise Problem(409, "not-on-worklist", "The case is not ours to act on: there is nothing to hold.")
        return await _shown(tx, tenant, case_id)


@router.delete("/v1/cases/{case_id}/lease", summary="Give a case back", status_code=204, responses=responses(404, 409, 422))
async def release_lease(case_id: CaseId, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep) -> None:
    """By who holds it. The same again is harmless."""
    async with database.begin(tenant) as tx:
        before = await _locked(tx, tenant, case_id)
        _check_holder(before, who, clock)
        await store.move(tx, [msgspec.structs.replace(before, holder=None, leased_until=None)], clock.now())


async def _locked(tx: AsyncConnection, tenant: str, case_id: UUID) -> Case:
    found = (await store.read(tx, [(tenant, case_id)])).get((tenant, case_id))
    if found is None:
        raise not_found("case")
    return found


def _check_holder(case: Case, who: str, clock: Clock) -> None:
    if case.leased_until is not None and case.leased_until > clock.now() and case.holder != who:
        raise Problem(409, "held-by-another", "Somebody else works on this case; its `leased_until` says until when.")


async def _shown(tx: AsyncConnection, tenant: str, case_id: UUID) -> CaseView:
    row = await desk.shown(tx, tenant, case_id)
    if row is None:
        raise not_found("case")
    return CaseView.of(row)


@router.patch("/v1/cases/{case_id}", summary="Assign, put off, tag", responses=responses(404, 409, 415, 422))
async def edit_case(
    case_id: CaseId, body: EditBody, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> CaseView:
    """None of it is a step of the workflow: the case's version stays. Who changed what and when is kept."""
    now = clock.now()
    async with database.begin(tenant) as tx:
        await _locked(tx, tenant, case_id)
        left = await desk.change(tx, [(tenant, case_id)], body.to_edit(), who, counting.today(now, UNCONFIGURED.zone), now)
        for refused in left.values():
            raise Problem(409, "edit-refused", refused.detail, reason=refused.reason)
        return await _shown(tx, tenant, case_id)


@router.get("/v1/cases/{case_id}/deadlines", summary="Until when, and who says so", responses=responses(404, 422))
async def get_deadlines(case_id: CaseId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> DeadlinesView:
    async with database.begin(tenant) as tx:
        case = await store.look(tx, tenant, case_id)
        if case is None:
            raise not_found("case")
        payer = await payers.payer(tx, tenant, case.payer_id)
    found = clocks_of(case, payer)
    told = standing(found, counting.today(clock.now(), payer.zone))
    return DeadlinesView(
        due_on=told.deadline_on, deadline_is=told.deadline_is, clocks=[_clock(each, case.denied_cents) for each in found]
    )


def _clock(clock: CaseClock, denied_cents: int) -> ClockView:
    reaches = denied_cents >= clock.floor_cents if clock.floor_cents is not None else None
    return ClockView.model_validate({**msgspec.structs.asdict(clock), "reaches_floor": reaches})


@router.get("/v1/cases/{case_id}/work", summary="What was said and warned about a case", responses=responses(404, 422))
async def get_work(case_id: CaseId, tenant: TenantDep, database: DatabaseDep) -> WorkView:
    async with database.begin(tenant) as tx:
        await _shown(tx, tenant, case_id)
        edits, raised = await desk.history(tx, tenant, case_id)
    return WorkView(
        edits=[WorkEdit(changes=msgspec.json.decode(row["changes"]), who=row["who"], at=row["at"]) for row in edits],
        warnings=[WarningView(**dict(row)) for row in raised],
    )


@router.post(
    "/v1/cases/{case_id}/comments",
    summary="Say something about a case",
    status_code=201,
    responses=responses(400, 404, 409, 415, 422),
)
async def add_comment(
    case_id: CaseId,
    body: CommentBody,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> CommentView:
    """Comments stay: they are neither changed nor taken out."""
    idempotency.require(key)
    now = clock.now()
    digest = idempotency.digest("add_comment", str(case_id), body.model_dump_json())
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is not None:
            return CommentView.model_validate_json(kept.body)
        await _shown(tx, tenant, case_id)
        comment_id = await desk.comment(tx, tenant, case_id, who, body.words, body.mentions, now)
        view = CommentView(comment_id=comment_id, case_id=case_id, author=who, at=now, **body.model_dump())
        await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, view.model_dump_json()))
    return view


@router.get(
    "/v1/cases/{case_id}/comments", summary="What people say about a case, oldest first", responses=responses(400, 404, 422)
)
async def list_comments(
    case_id: CaseId, tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[CommentView]:
    filters = {"case_id": case_id, "list": "comments"}
    after = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        await _shown(tx, tenant, case_id)
        rows = await desk.comments(tx, tenant, case_id, after=after, limit=limit + 1)
    return cut_page(rows, limit, tenant, filters, lambda row: CommentView(**dict(row)), position=lambda row: row["comment_id"])


@router.get("/v1/teams", summary="Teams", responses=responses())
async def list_teams(tenant: TenantDep, database: DatabaseDep) -> list[TeamView]:
    async with database.begin(tenant) as tx:
        found = await desk.teams(tx, tenant)
    return [TeamView(team=team, members=members) for team, members in found.items()]


@router.put("/v1/teams/{team}", summary="Say who is in a team", responses=responses(404, 415, 422))
async def put_team(team: Annotated[Name, Path()], body: TeamBody, tenant: TenantDep, database: DatabaseDep) -> TeamView:
    """Without members there is no such team any more; its cases stay its, until they are given to others."""
    async with database.begin(tenant) as tx:
        await desk.set_team(tx, tenant, team, body.members)
    return TeamView(team=team, members=sorted(set(body.members)))
