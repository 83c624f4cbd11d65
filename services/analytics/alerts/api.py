"""Alerts over HTTP: what shifted, with its chart, and what people do about it."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from libs.common.database import Database
from libs.common.http.deps import CallerDep, ClockDep, DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from libs.common.http.written import Day
from services.analytics import queries
from services.analytics.alerts import store, telling
from services.analytics.alerts.lifecycle import ALL, Alert, Refused, Step, acknowledge, resolve
from services.analytics.alerts.scan import chart_of, charts_of, window
from services.analytics.alerts.views import AcknowledgeBody, AlertDetail, AlertView, ChartView, ResolveBody
from services.analytics.store import ended_through

router = APIRouter(tags=["alerts"])

AlertId = Annotated[UUID, Path(description="as the list gives it")]
Wanted = Literal["standing", "open", "acknowledged", "resolved", "all"]
_STATUSES: Final[dict[Wanted, list[str]]] = {
    "standing": ["open", "acknowledged"],
    "open": ["open"],
    "acknowledged": ["acknowledged"],
    "resolved": ["resolved"],
    "all": ["open", "acknowledged", "resolved"],
}


@router.get("/v1/alerts", summary="Payers that refuse more than usual, the newest alert first", responses=responses(400, 422))
async def list_alerts(
    tenant: TenantDep,
    database: DatabaseDep,
    status: Annotated[Wanted, Query(description="standing: open or acknowledged")] = "standing",
    payer: Annotated[str | None, Query(max_length=80, description="payer id")] = None,
    category: Annotated[str | None, Query(max_length=40, description="empty: alerts of all refusals together")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[AlertView]:
    wanted = {"payer_id": payer, "category": category}
    filters = {**wanted, "status": status}
    after = read_cursor(cursor, tenant, filters, UUID)
    async with database.begin(tenant) as tx:
        found = await store.find(tx, tenant, wanted, _STATUSES[status], after, limit + 1)
        names = await queries.payer_names(tx, tenant)
    return cut_page(found, limit, tenant, filters, lambda each: AlertView.of(each, names), position=lambda each: each.alert_id)


@router.get("/v1/charts", summary="A payer's control chart, with or without an alert", responses=responses(404, 422))
async def get_chart(
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    payer: Annotated[str, Query(max_length=80, description="payer id")],
    category: Annotated[str, Query(max_length=40, description="empty: all refusals together")] = ALL,
    as_of: Annotated[Day | None, Query(description="what was known on the evening of this day (UTC)")] = None,
) -> ChartView:
    """What alerts rest on: each day's claims and refusals, the share that is usual and its limit, the evidence for a shift and how
    much it takes, and the shifts. 404: the payer has no finished day, or never refused for this category.
    """
    async with database.begin(tenant) as tx:
        known = await store.of_payer(tx, tenant, payer)
        through = await ended_through(tx)
        sums = await store.days_of(tx, tenant, payer, window(clock.now().date()), through, as_of)
        names = await queries.payer_names(tx, tenant)
    days = sums.days.get(category)
    if not days:
        raise not_found("chart")
    return ChartView.of(payer, category, chart_of(category, days, known), known, names, waits=sums.waits)


@router.get("/v1/alerts/{alert_id}", summary="One alert, with its chart and its life", responses=responses(404, 422))
async def get_alert(
    alert_id: AlertId,
    response: Response,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    as_of: Annotated[Day | None, Query(description="the chart of what was known on the evening of this day (UTC)")] = None,
) -> AlertDetail:
    """The `ETag` is what the steps want in `If-Match`. Charts reach back 400 days."""
    return await _detail(alert_id, response, tenant, database, clock.now(), as_of)


async def _detail(
    alert_id: UUID, response: Response, tenant: str, database: Database, now: datetime, as_of: date | None = None
) -> AlertDetail:
    async with database.begin(tenant) as tx:
        alert = await store.get(tx, tenant, alert_id)
        if alert is None:
            raise not_found("alert")
        known = await store.of_payer(tx, tenant, alert.payer_id)
        through = await ended_through(tx)
        sums = await store.days_of(tx, tenant, alert.payer_id, window(now.date()), through, as_of)
        names = await queries.payer_names(tx, tenant)
        history = await store.history(tx, tenant, alert_id)
    charts = charts_of(sums.days, known)
    by_category = []
    for category, each in charts.items():
        points = [point for point in each.points if alert.began_on <= point.on <= alert.last_on]
        if category != ALL and alert.category in (ALL, category):
            expected = sum(point.claims * (point.expected or 0.0) for point in points)
            by_category.append((category, sum(point.denied for point in points), expected))
    response.headers["ETag"] = etag(alert.version)
    return AlertDetail.build(alert, names, charts.get(alert.category), by_category, history)


@router.post(
    "/v1/alerts/{alert_id}:acknowledge",
    summary="Take an alert up: somebody looks into it",
    responses=responses(400, 404, 409, 412, 415, 422, 428),
)
async def acknowledge_alert(
    alert_id: AlertId,
    body: AcknowledgeBody,
    response: Response,
    caller: CallerDep,
    database: DatabaseDep,
    clock: ClockDep,
    if_match: IfMatch = None,
) -> AlertDetail:
    now = clock.now()
    tenant, who = caller.tenant_id, caller.subject
    await _take(alert_id, tenant, database, read_version(if_match), lambda alert: acknowledge(alert, who, body.note, now))
    return await _detail(alert_id, response, tenant, database, now)


@router.post(
    "/v1/alerts/{alert_id}:resolve",
    summary="End an alert, and say what it was",
    responses=responses(400, 404, 409, 412, 415, 422, 428),
)
async def resolve_alert(
    alert_id: AlertId,
    body: ResolveBody,
    response: Response,
    caller: CallerDep,
    database: DatabaseDep,
    clock: ClockDep,
    if_match: IfMatch = None,
) -> AlertDetail:
    """Charts that showed the shift begin anew after today: what goes on, or comes again, is told of by another alert."""
    now = clock.now()
    tenant, who = caller.tenant_id, caller.subject
    version = read_version(if_match)
    await _take(alert_id, tenant, database, version, lambda alert: resolve(alert, who, body.resolution, body.note, now))
    return await _detail(alert_id, response, tenant, database, now)


async def _take(alert_id: UUID, tenant: str, database: Database, version: int, decide: Callable[[Alert], Step | Refused]) -> None:
    """Take one step of an alert. Errors: Problem 404, 412, 409 where it is past that step."""
    async with database.begin(tenant) as tx:
        alert = await store.get(tx, tenant, alert_id, lock=True)
        if alert is None:
            raise not_found("alert")
        check_version(alert.version, version, "alert")
        step = decide(alert)
        if isinstance(step, Refused):
            raise Problem(409, "step-refused", f"The alert is {step.status} already.", reason=step.status)
        await telling.write(tx, [step])
