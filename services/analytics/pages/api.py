"""The dashboard's pages over HTTP. They are no part of the published interface: people read them, programs ask `/v1`."""

from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from msgspec.structs import replace

from libs.common.errors import Transient
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problems import not_found
from services.analytics import queries
from services.analytics.pages import overview, reading, rendering
from services.analytics.pages.visit import Visit, language_of, read

router = APIRouter(include_in_schema=False)
Page = Callable[..., Awaitable[HTMLResponse]]
_HERO: Final = ("initial-denial-rate", "denied-dollars", "denied-dollars-recovered", "first-pass-rate")


async def _visit(request: Request, clock: ClockDep) -> Visit:
    query = request.query_params
    kept = request.cookies.get(rendering.LANGUAGE_COOKIE)
    language = language_of(query.get("lang"), kept, request.headers.get("accept-language"))
    return read(request.url.path, list(query.multi_items()), language, clock.now().date())


VisitDep = Annotated[Visit, Depends(_visit)]


def readable(made: Page) -> Page:
    """Answer with a page, and not with a problem document, when the database is away."""

    @wraps(made)
    async def answer(*args: Any, **told: Any) -> HTMLResponse:
        try:
            return await made(*args, **told)
        except Transient:
            visit = cast("Visit", told["visit"])
            shown = {"title": "broken", "detail": "broken_long"}
            return rendering.page("message.html", visit, HTTPStatus.SERVICE_UNAVAILABLE, current="", **shown)

    return answer


@router.get("/")
@readable
async def get_overview(request: Request, visit: VisitDep, database: DatabaseDep, tenant: TenantDep) -> HTMLResponse:
    cost = cast("int | None", request.app.state.rework_cost_cents)
    async with database.begin(tenant) as tx:
        money = await reading.money(tx, visit, tenant)
        rows = await reading.rows(tx, visit, tenant, cost)
        asked = reading.asked_of(visit, tenant, group_by=("category",))
        by_category = await reading.parts(tx, asked, "denied")
        names = await queries.payer_names(tx, tenant)
        by_payer = await reading.parts(tx, replace(asked, group_by=("payer",)), "denied", names)
        ages = await reading.ages(tx, visit, tenant)
        last = await reading.last_day(tx, tenant)
    shown = {
        "rows": rows,
        "hero": [row for each in _HERO for row in rows if row.kpi.id == each],
        "money": money,
        "flow": overview.flow(money, visit.language),
        "course": overview.course(rows[0], visit),
        "by_category": by_category,
        "by_payer": by_payer,
        "ages": ages,
        "last": last,
    }
    return rendering.page("overview.html", visit, _status(visit), current="overview", **shown)


@router.get("/assets/{version}/{name}")
async def get_asset(version: str, name: str) -> Response:
    found = rendering.asset(name, version)
    if found is None:
        raise not_found("file")
    return found


def _status(visit: Visit) -> int:
    return HTTPStatus.UNPROCESSABLE_ENTITY if visit.wrong else HTTPStatus.OK
