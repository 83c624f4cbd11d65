"""Audits on pages: planned, scheduled, followed, and brought to an end where they are stuck. Sent twice, it is done once."""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response
from msgspec.structs import replace

from libs.common.access.caller import Caller
from libs.common.database import Database
from libs.common.http.deps import CallerDep, ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem
from services.analytics import queries
from services.analytics.audits import api as audits
from services.analytics.audits import schedules_api, store
from services.analytics.audits.schedules_api import ScheduleBody
from services.analytics.audits.store import Audit, Waiting
from services.analytics.audits.views import ReassignBody
from services.analytics.pages import answering, audit_forms, rendering
from services.analytics.pages.answering import readable, status_of
from services.analytics.pages.doing import DoneDep, checked, led_to, not_done
from services.analytics.pages.entered import Entered, told
from services.analytics.pages.guard import FormDep, Noted, VisitDep
from services.analytics.pages.visit import Visit

router = APIRouter(include_in_schema=False, route_class=Noted)

CursorDep = Annotated[str | None, Query(max_length=500)]
ShowDep = Annotated[str | None, Query(max_length=40)]
Show = Literal["mine", "disputed"]
_ROWS: Final = 25
_SCHEDULES: Final = 200
_AT_ONCE: Final = 50  # audits under review that are looked through for what waits
_REFUSED: Final = {"audit-ended": "audit_ended", "successor-refused": "cannot_succeed"}


@router.get("/audits")
@readable
async def get_audits(
    visit: VisitDep, database: DatabaseDep, caller: CallerDep, cursor: CursorDep = None, done: DoneDep = None
) -> Response:
    """Audits, what of them waits for who looks, and schedules."""
    tenant = caller.tenant_id
    shown = {
        "listed": await audits.list_audits(tenant, database, cursor, _ROWS),
        "schedules": (await schedules_api.list_schedules(tenant, database, limit=_SCHEDULES)).items,
        "waiting": await _waiting(database, tenant, caller.subject) if visit.may("audits:review") else [],
        "done": done,
    }
    return rendering.page("audits.html", visit, status_of(visit), current="audits", **shown)


async def _waiting(database: Database, tenant: str, who: str) -> list[tuple[Audit, Waiting]]:
    """Return audits in which somebody has something to review, or to settle, for they are neither of the reviewers."""
    async with database.begin(tenant) as tx:
        found = await store.under_review(tx, tenant, _AT_ONCE)
        counted = await store.waiting(tx, tenant, {each.audit_id: each.plan.names_of(who) for each in found})
    told = [(each, counted.get(each.audit_id, Waiting())) for each in found]
    return [(each, some) for each, some in told if some.reviews or (some.disputes and who not in each.plan.reviewers)]


@router.get("/audits/new")
@readable
async def get_plan(visit: VisitDep, database: DatabaseDep, tenant: TenantDep) -> Response:
    """An empty plan, of the days and filters in the address."""
    return await _plan_page(visit, database, tenant, Entered())


async def _plan_page(visit: Visit, database: Database, tenant: str, entered: Entered, status: int = HTTPStatus.OK) -> Response:
    async with database.begin(tenant) as tx:
        names = await queries.payer_names(tx, tenant)
    chosen = visit.filters
    lines = {each: "\n".join(chosen.get(each, ())) for each in audit_forms.LISTED}
    shown: dict[str, Any] = {
        "entered": entered,
        "key": entered.value("audit", "key") or str(uuid4()),
        "first": "" if visit.is_usual else visit.first.isoformat(),
        "last": "" if visit.is_usual else visit.last.isoformat(),
        "lines": lines | {"payer": audit_forms.entered_payers(chosen.get("payer", ()), names)},
        "categories": chosen.get("category", ()),
        "keeps": "".join(f"&{urlencode({name: value})}" for name, values in chosen.items() for value in values),
        "ticks": {each: audit_forms.tick(each) for each in audit_forms.CATEGORIES},
    }
    visit = replace(visit, filters={})  # they are in the form now, and taken off there
    return rendering.page("audit_plan.html", visit, status, current="audits", **shown)


@router.post("/audits")
@readable
async def plan_audit(form: FormDep, visit: VisitDep, database: DatabaseDep, tenant: TenantDep, clock: ClockDep) -> Response:
    async with database.begin(tenant) as tx:
        names = await queries.payer_names(tx, tenant)
    body = audit_forms.plan_of(form, names)
    wrong = body if isinstance(body, tuple) else ()
    entered = Entered("audit", form, wrong)
    key = form.get("key") or None
    try:
        if isinstance(body, ScheduleBody):
            await schedules_api.add_schedule(body, tenant, database, clock, Response(), key)
            return led_to("/audits?done=audit_scheduled")
        if not isinstance(body, tuple):
            planned = await audits.begin_audit(body, tenant, database, clock, Response(), key)
            return led_to(f"/audits/{planned.audit_id}?done=audit_planned")
    except Problem as problem:
        entered = not_done(problem, "audit", form, {"bad-day": "as_of"})
    return await _plan_page(visit, database, tenant, entered, HTTPStatus.UNPROCESSABLE_ENTITY)


@router.post("/audit-schedules/{schedule_id}/end")
@readable
async def end_schedule(schedule_id: str, _: FormDep, visit: VisitDep, database: DatabaseDep, tenant: TenantDep) -> Response:
    if not answering.is_id(schedule_id):
        return answering.missing(visit)
    try:
        await schedules_api.remove_schedule(UUID(schedule_id), tenant, database)
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:  # else it was sent twice, and is done
            raise
    return led_to("/audits?done=schedule_ended")


@router.get("/audits/{audit_id}")
@readable
async def get_audit(
    audit_id: str,
    visit: VisitDep,
    database: DatabaseDep,
    caller: CallerDep,
    cursor: CursorDep = None,
    show: ShowDep = None,
    done: DoneDep = None,
) -> Response:
    """One audit: its plan, how far it is, what it found once it is done, and its sample, or the part that waits."""
    return await _audit_page(audit_id, visit, database, caller, Entered(), cursor, _shown(show), done)


def _shown(told: str | None) -> Show | None:
    return "mine" if told == "mine" else "disputed" if told == "disputed" else None


async def _audit_page(
    audit_id: str,
    visit: Visit,
    database: Database,
    caller: Caller,
    entered: Entered,
    cursor: str | None = None,
    show: Show | None = None,
    done: str | None = None,
    status: int | None = None,
) -> Response:
    if not answering.is_id(audit_id):
        return answering.missing(visit)
    tenant, who, named = caller.tenant_id, caller.subject, UUID(audit_id)
    audit = await audits.get_audit(named, tenant, database)
    sample = await audits.list_audit_items(
        named,
        tenant,
        database,
        state=["disputed"] if show == "disputed" else None,
        waits_for=who if show == "mine" else None,
        cursor=cursor,
        limit=_ROWS,
    )
    shown = {
        "audit": audit,
        "results": await audits.get_results(named, tenant, database) if audit.state == "done" else None,
        "sample": sample,
        "first_page": cursor is None,
        "show": show,
        "keeps": f"&show={show}" if show else "",
        "is_reviewer": who in audit.plan.reviewers,
        "waiting": await _count(database, tenant, named, who) if audit.state == "reviewing" else Waiting(),
        "entered": entered,
        "done": done,
    }
    return rendering.page("audit.html", visit, status or status_of(visit), current="audits", **shown)


async def _count(database: Database, tenant: str, audit_id: UUID, who: str) -> Waiting:
    async with database.begin(tenant) as tx:
        audit = await store.get(tx, tenant, audit_id)
        names = audit.plan.names_of(who) if audit else []
        return (await store.waiting(tx, tenant, {audit_id: names})).get(audit_id, Waiting())


@router.post("/audits/{audit_id}/cancel")
@readable
async def cancel(audit_id: str, form: FormDep, visit: VisitDep, database: DatabaseDep, caller: CallerDep) -> Response:
    if not answering.is_id(audit_id):
        return answering.missing(visit)
    try:
        await audits.cancel_audit(UUID(audit_id), caller.tenant_id, database)
    except Problem as problem:
        if problem.name not in _REFUSED:
            raise
        entered = Entered("cancel", form, (), _REFUSED[problem.name])
        return await _refused(audit_id, visit, database, caller, entered)
    return led_to(f"/audits/{audit_id}?done=audit_cancelled")


@router.post("/audits/{audit_id}/reassign")
@readable
async def reassign(audit_id: str, form: FormDep, visit: VisitDep, database: DatabaseDep, caller: CallerDep) -> Response:
    if not answering.is_id(audit_id):
        return answering.missing(visit)
    body = checked(ReassignBody, told(form, ("reviewer", "successor")))
    entered = Entered("reassign", form, body if isinstance(body, tuple) else ())
    if isinstance(body, ReassignBody):
        try:
            await audits.reassign_audit(UUID(audit_id), body, caller.tenant_id, database)
        except Problem as problem:
            if problem.name not in _REFUSED:
                raise
            entered = Entered("reassign", form, (), _REFUSED[problem.name])
        else:
            return led_to(f"/audits/{audit_id}?done=audit_reassigned")
    return await _refused(audit_id, visit, database, caller, entered)


async def _refused(audit_id: str, visit: Visit, database: Database, caller: Caller, entered: Entered) -> Response:
    status = HTTPStatus.CONFLICT if entered.refused else HTTPStatus.UNPROCESSABLE_ENTITY
    return await _audit_page(audit_id, visit, database, caller, entered, status=status)
