"""The dashboard's pages over HTTP. They are no part of the published interface: people read them, programs ask `/v1`."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, cast
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response
from msgspec.structs import replace
from starlette.exceptions import HTTPException

from libs.common import ledger
from libs.common.errors import Transient
from libs.common.http import dead_letters, outbox
from libs.common.http.deps import BehalfDep, ClockDep, DatabaseDep, Period, TenantDep
from libs.common.http.problem import Problem, not_found
from libs.common.messaging.brokers import BrokerAccess
from libs.common.messaging.lag import lags
from services.analytics import queries
from services.analytics.alerts import store as alert_store
from services.analytics.alerts import stream
from services.analytics.causes import actions_api as actions
from services.analytics.causes import api as causes
from services.analytics.kpis.definitions import BY_ID
from services.analytics.pages import (
    acting,
    appeals,
    auditing,
    denials,
    doing,
    gathering,
    guard,
    overview,
    reading,
    rendering,
    reviewing,
    signin,
    system,
    timeline,
)
from services.analytics.pages.answering import broken, is_id, missing, readable, status_of
from services.analytics.pages.guard import BadForm, Noted, VisitDep
from services.analytics.pages.neighbours import Neighbours, away, found
from services.analytics.pages.shapes import PAYER_FIGURES
from services.analytics.pages.system import SERVICES
from services.analytics.pages.visit import EXPLORED, Visit
from services.analytics.pages.words import LISTS

router = APIRouter(include_in_schema=False, route_class=Noted)
ROUTERS: Final = (router, signin.router, doing.router, acting.router, auditing.router, reviewing.router)
_HERO: Final = ("initial-denial-rate", "denied-dollars", "denied-dollars-recovered", "first-pass-rate")
_PREVENTION: Final = (
    "clean-claim-rate", "rejection-rate", "prevention-catch-rate", "preventable-share", "preventable-share-dollars",
    "timely-filing-losses",
)  # fmt: skip
_APPEALS: Final = (
    "overturn-rate", "overturn-rate-dollars", "appeals-in-time", "days-to-appeal", "days-to-decision", "days-to-cash",
    "cost-to-rework",
)  # fmt: skip
_LISTED: Final = ("payer", "category")  # what the lists of the classifier and of appeals can be filtered by
_LIST_ROWS: Final = 25
_CODES_SHOWN: Final = 12
CursorDep = Annotated[str | None, Query(max_length=500)]


@router.get("/")
@readable
async def get_overview(request: Request, visit: VisitDep, database: DatabaseDep, tenant: TenantDep) -> HTMLResponse:
    cost = cast("int | None", request.app.state.rework_cost_cents)
    async with database.begin(tenant) as tx:
        mark = await queries.mark(tx, tenant)  # first: what moves meanwhile is told of once more
        money = await reading.money(tx, visit, tenant)
        asked = reading.asked_of(visit, tenant, group_by=("category",))
        rows = await reading.rows(tx, visit, asked, cost)
        by_category = await reading.parts(tx, asked, "denied")
        names = await queries.payer_names(tx, tenant)
        by_payer = await reading.parts(tx, replace(asked, group_by=("payer",)), "denied", names)
        ages = await reading.ages(tx, visit, tenant)
        last = await reading.last_day(tx, tenant)
        told_until = await stream.now(tx, tenant)
        standing = await alert_store.count_standing(tx, tenant)
    shown = {
        "rows": rows,
        "told_until": told_until,
        "mark": mark,
        "alerts": standing,
        "hero": [row for each in _HERO for row in rows if row.kpi.id == each],
        "money": money,
        "flow": overview.flow(money, visit.language) if money else "",
        "course": overview.course(rows[0], visit),
        "by_category": by_category,
        "by_payer": by_payer,
        "ages": ages,
        "unaged_by": reading.unknown_by(BY_ID["ar-aging"], visit),
        "names": names,
        "last": last,
    }
    return rendering.page("overview.html", visit, status_of(visit), current="overview", **shown)


@router.get("/denials")
@readable
async def get_denials(
    request: Request, visit: VisitDep, database: DatabaseDep, tenant: TenantDep, behalf: BehalfDep, cursor: CursorDep = None
) -> HTMLResponse:
    async with database.begin(tenant) as tx:
        total, spread = await reading.denied(tx, visit, tenant)
        names = await queries.payer_names(tx, tenant)
        crossed = {name: await reading.crossed(tx, visit, tenant, name, names) for name in EXPLORED}
        last = await reading.last_day(tx, tenant)
    asked = _listed(visit)
    told = await _neighbours(request)["classifier"].ask(
        "/v1/denials", behalf, limit=str(_LIST_ROWS), cursor=cursor, kind=None, **asked, **_days(visit)
    )
    listed = found(told) or {}
    shown = {
        "total": total,
        "columns": denials.columns(spread, visit),
        "crossed": crossed,
        "names": names,
        "last": last,
        "listed": listed.get("items", []),
        "next_cursor": listed.get("next_cursor"),
        "ignored": [name for name in visit.filtered_by if name not in asked],
        "away": away(told),
    }
    return rendering.page("denials.html", visit, status_of(visit), current="denials", **shown)


@router.get("/denials/{denial_id}")
@readable
async def get_denial(request: Request, denial_id: str, visit: VisitDep, behalf: BehalfDep) -> HTMLResponse:
    """One claim's way through all services."""
    services = _neighbours(request)
    if not is_id(denial_id):
        return missing(visit)
    told = await services["classifier"].ask(f"/v1/denials/{denial_id}", behalf)
    denial = found(told)
    if denial is None:
        return missing(visit) if told is None else _away_page(visit, "classifier")
    way = await gathering.way_of(services, denial, behalf)
    remit = next((each for each in way.remits if each["remit_id"] == denial["remit_id"]), None)
    shown = {
        "denial": denial,
        "steps": timeline.steps(way.claim, way.remits, way.denials, way.cases, way.traces),
        "case": next((each for each in way.cases if each["denial_id"] == denial_id), None),
        "others": [each for each in way.denials if each["denial_id"] != denial_id],
        "shown_most": gathering.MOST if way.is_cut else None,
        "claim": way.claim if visit.may("claims:read") else None,
        "remit": remit if visit.may("remittances:read") else None,
        "traces_url": request.app.state.traces_url,
        "away": way.away,
    }
    return rendering.page("denial.html", visit, current="denials", **shown)


@router.get("/payers")
@readable
async def get_payers(visit: VisitDep, database: DatabaseDep, tenant: TenantDep) -> HTMLResponse:
    async with database.begin(tenant) as tx:
        names = await queries.payer_names(tx, tenant)
        rows = await reading.of_payers(tx, visit, tenant, names)
        last = await reading.last_day(tx, tenant)
    columns = [BY_ID[name] for name in PAYER_FIGURES[1:]]
    unknown = [(kpi, reading.unknown_by(kpi, visit)) for kpi in columns]
    shown = {
        "rows": rows,
        "names": names,
        "last": last,
        "highest": max((each.rate for each in rows), default=0),
        "columns": [kpi for kpi, by in unknown if not by],
        "left_out": [(kpi, by) for kpi, by in unknown if by],
        "whole_by": reading.whole_by(BY_ID[PAYER_FIGURES[0]], visit),
    }
    return rendering.page("payers.html", visit, status_of(visit), current="payers", **shown)


@router.get("/prevention")
@readable
async def get_prevention(visit: VisitDep, database: DatabaseDep, tenant: TenantDep) -> HTMLResponse:
    async with database.begin(tenant) as tx:
        asked = reading.asked_of(visit, tenant, group_by=("category",))
        rows = await reading.rows(tx, visit, asked, None, _PREVENTION)
        by_category = await reading.parts(tx, asked, "preventable")
        names = await queries.payer_names(tx, tenant)
        unrejected_by = reading.unknown_by(BY_ID["rejection-rate"], visit)
        rejected = await reading.parts(tx, replace(asked, group_by=("payer",)), "rejected", names) if not unrejected_by else None
        last = await reading.last_day(tx, tenant)
    shown = {"rows": rows, "by_category": by_category, "rejected": rejected, "unrejected_by": unrejected_by}
    shown |= {"names": names, "last": last}
    return rendering.page("prevention.html", visit, status_of(visit), current="prevention", **shown)


@router.get("/root-causes")
@readable
async def get_root_causes(visit: VisitDep, database: DatabaseDep, tenant: TenantDep, clock: ClockDep) -> HTMLResponse:
    """What stands out, of the same days, and by which codes was refused; while others search, the page says so."""
    async with database.begin(tenant) as tx:
        codes = await reading.codes(tx, visit, tenant, _CODES_SHOWN)
    shown: dict[str, Any] = {"found": None, "actions": [], "codes": codes}
    try:
        period = Period(visit.first, visit.last)
        shown["actions"] = (await actions.list_actions(tenant, database, limit=_LIST_ROWS)).items
        shown["found"] = await causes.list_root_causes(period, tenant, database, clock, limit=_LIST_ROWS, affected_min=10)
    except Problem as problem:
        if problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
    shown["claims_at"] = partial(acting.claims_at, visit)
    return rendering.page("root_causes.html", visit, status_of(visit), current="root-causes", **shown)


@router.get("/appeals")
@readable
async def get_appeals(
    request: Request, visit: VisitDep, database: DatabaseDep, tenant: TenantDep, behalf: BehalfDep
) -> HTMLResponse:
    cost = cast("int | None", request.app.state.rework_cost_cents)
    async with database.begin(tenant) as tx:
        rows = await reading.rows(tx, visit, reading.asked_of(visit, tenant), cost, _APPEALS)
        funnel = await reading.funnel(tx, visit, tenant)
        levels = await reading.levels(tx, visit, tenant)
        names = await queries.payer_names(tx, tenant)
    asked = _listed(visit)
    told = await _neighbours(request)["appeals"].ask(
        "/v1/cases", behalf, open_only="true", sort="deadline", limit=str(_LIST_ROWS), **asked
    )
    due = [each for each in (found(told) or {}).get("items", []) if each["due_on"]]
    shown = {"rows": rows, "funnel": funnel, "levels": levels, "due": appeals.due(due, visit.today), "away": away(told)}
    shown |= {"names": names, "ignored": [name for name in visit.filtered_by if name not in asked]}
    return rendering.page("appeals.html", visit, status_of(visit), current="appeals", **shown)


@router.get("/system")
@readable
async def get_system(
    request: Request, visit: VisitDep, database: DatabaseDep, clock: ClockDep, tenant: TenantDep, behalf: BehalfDep
) -> HTMLResponse:
    services = _neighbours(request)
    ready, ledgers, outboxes, letters, behind = await asyncio.gather(
        services.all("/readyz", behalf),
        services.all("/v1/ledger", behalf),
        services.all("/v1/outbox", behalf),
        services.all("/v1/dead-letters", behalf, limit="200"),
        lags(cast("str | None", request.app.state.kafka), cast("BrokerAccess", request.app.state.broker_access), SERVICES),
    )
    async with database.begin(tenant) as tx:
        mark = await queries.mark(tx, tenant)
        ours = (await ledger.read(tx, tenant, None, None)).totals.model_dump()
    waiting = (await outbox.get_outbox(tenant, database, clock)).model_dump()
    buried = (await dead_letters.list_dead_letters(tenant, database, None, 200)).model_dump()
    ready |= {"analytics": {"status": "ok"}}
    ledgers |= {"analytics": {"totals": ours}}
    outboxes |= {"analytics": waiting}
    letters |= {"analytics": buried}
    records = {group: sum(topics.values()) for group, topics in (behind or {}).items()}
    rows = system.rows(ready, ledgers, outboxes, letters, records)
    shown = {"rows": rows, "agreement": system.agreement(rows), "broker": behind is not None, "now": clock.now(), "mark": mark}
    return rendering.page("system.html", visit, status_of(visit), current="system", **shown)


@router.get("/assets/{version}/{name}")
async def get_asset(version: str, name: str) -> Response:
    found = rendering.asset(name, version)
    if found is None:
        raise not_found("file")
    return found


def install(app: FastAPI) -> None:
    """Answer people who ask for what is not there with a page; programs, and whoever asks `/v1`, get the problem as before."""
    usual = cast("Callable[[Request, HTTPException], Awaitable[Response]]", app.exception_handlers[HTTPException])

    @app.exception_handler(HTTPException)
    async def of_nowhere(request: Request, error: HTTPException) -> Response:
        told = request.scope["path"]
        if error.status_code != HTTPStatus.NOT_FOUND or not _wants_page(request):
            return await usual(request, error)
        # It stands in links: what begins with two slashes, or is read so, would lead to another host.
        answer = missing(await guard.seen(request, "/" + quote(told.lstrip("/"))))
        answer.headers.append("Vary", "Accept")
        return answer

    asleep = cast("Callable[[Request, Transient], Awaitable[Response]]", app.exception_handlers[Transient])

    @app.exception_handler(Transient)
    async def of_the_world(request: Request, error: Transient) -> Response:
        if not _wants_page(request):
            return await asleep(request, error)
        return broken(await guard.seen(request, "/"))

    refused = cast("Callable[[Request, Problem], Awaitable[Response]]", app.exception_handlers[Problem])

    @app.exception_handler(Problem)
    async def of_ours(request: Request, error: Problem) -> Response:
        if error.status == HTTPStatus.UNAUTHORIZED and _wants_page(request):
            return guard.to_sign_in(request)
        if error.name == "scope-missing" and _wants_page(request):
            return await guard.not_allowed(request, str(error.extension["scope"]))
        return await refused(request, error)

    @app.exception_handler(BadForm)
    async def of_others(request: Request, _: BadForm) -> Response:
        return await guard.bad_form(request)


def _wants_page(request: Request) -> bool:
    """Say whether a person asks: for no part of the published interface, and for a page."""
    return "text/html" in request.headers.get("accept", "").lower() and not f"{request.scope['path']}/".startswith("/v1/")


def _listed(visit: Visit) -> dict[str, str]:
    """Return the filters that other services' lists can follow: one payer, one category that there is."""
    single = {name: visit.filters[name][0] for name in _LISTED if len(visit.filters.get(name, ())) == 1}
    return {name: value for name, value in single.items() if name != "category" or value in LISTS["en"]["category"]}


def _days(visit: Visit) -> dict[str, str | None]:
    return {"from": visit.first.isoformat(), "to": visit.last.isoformat()}


def _neighbours(request: Request) -> Neighbours:
    return cast("Neighbours", request.app.state.neighbours)


def _away_page(visit: Visit, service: str) -> HTMLResponse:
    shown = {"title": "away", "detail": "away_whole", "service": service}
    return rendering.page("message.html", visit, HTTPStatus.SERVICE_UNAVAILABLE, current="", **shown)
