"""Analytics' HTTP interface: KPIs and the ledger."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from secrets import token_bytes
from typing import Annotated, Final, Literal, cast

import msgspec
from fastapi import APIRouter, FastAPI, Query, Request
from msgspec.structs import replace
from pydantic import BaseModel, Field

from libs.common.access.verifier import Verifier
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http import dead_letters, ledger, outbox, trails
from libs.common.http.app import create_app
from libs.common.http.deps import ClockDep, DatabaseDep, Period, TenantDep
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.http.written import Day
from libs.common.messaging.brokers import OPEN
from services.analytics import answers, kpis, queries, store
from services.analytics.alerts import api as alerts
from services.analytics.alerts import stream
from services.analytics.alerts.stream import Streams
from services.analytics.audited import AUDITED
from services.analytics.audits import api as audits
from services.analytics.audits import schedules_api as audit_schedules
from services.analytics.causes import actions_api as actions
from services.analytics.causes import api as causes
from services.analytics.causes.ingest import Rules
from services.analytics.codes import api as codes
from services.analytics.exports import api as exports
from services.analytics.filters import FILTERS_MAX, read_filters
from services.analytics.finance import api as finance
from services.analytics.kpis.definitions import BY_ID, KPIS, Kpi, Unit
from services.analytics.kpis.figures import Figure, earlier
from services.analytics.pages import api as pages
from services.analytics.pages.gate import Gate
from services.analytics.pages.guard import by_session
from services.analytics.pages.neighbours import Neighbours
from services.analytics.periods import BoundedDep
from services.analytics.queries import CALENDAR, GROUPS_MAX, Asked
from services.analytics.recounts import api as recounts
from services.analytics.reports import api as reports
from services.analytics.retention import KINDS
from services.analytics.scopes import SCOPES
from services.analytics.scorecards import api as scorecards
from services.analytics.seals import HOLDINGS
from services.analytics.webhooks import api as webhooks
from services.analytics.webhooks import deliveries_api as deliveries
from services.analytics.webhooks import described
from services.analytics.webhooks.trail import posts_of_events

GroupBy = Literal["payer", "category", "day"]


class RateView(BaseModel):
    """Counts and rates; a rate is from 0 to 1, to six places, and 0 where nothing was adjudicated."""

    claims: int = Field(description="adjudicated claims")
    denied_claims: int = Field(description="those with an active denial")
    denial_rate_claims: float = Field(description="denied claims / claims")
    charge_cents: int = Field(description="billed for the adjudicated claims")
    denied_cents: int = Field(description="refused by active denials")
    denial_rate_dollars: float = Field(description="refused cents / billed cents")


class GroupView(RateView):
    key: str = Field(description="payer id, category, or day")
    label: str


class DenialRateView(BaseModel):
    id: Literal["denial-rate"] = "denial-rate"
    definition: str = Field(description="what is counted, in words")
    from_: date | None = Field(None, alias="from")
    to: date | None = None
    group_by: GroupBy
    groups: list[GroupView]
    totals: RateView


router = APIRouter(tags=["kpis"])


@router.get("/v1/denial-rate", summary="What stands denied of what stands, by claims and by dollars", responses=responses(422))
async def get_denial_rate(
    period: BoundedDep,
    tenant: TenantDep,
    database: DatabaseDep,
    group_by: Annotated[GroupBy, Query(description="what a group is; by category, each is measured against all claims")] = "payer",
) -> DenialRateView:
    first, last = period.first, period.last
    async with database.begin(tenant) as tx:
        by = await queries.sums_of(tx, Asked(tenant, first, last, group_by=(group_by,)), ("standing", "standing_denied"))
        by_group, adjudicated = by["standing_denied"], {} if group_by == "category" else by["standing"]
        whole, refused = kpis.together(by["standing"]), kpis.together(by_group)
        names = await queries.payer_names(tx, tenant) if group_by == "payer" else {}
        groups = kpis.rates(adjudicated, by_group, names, whole if group_by == "category" else None)
    return DenialRateView.model_validate(
        {
            "definition": kpis.DENIAL_RATE_DEFINITION,
            "from": first,
            "to": last,
            "group_by": group_by,
            "groups": [msgspec.structs.asdict(group) for group in groups],
            "totals": msgspec.structs.asdict(kpis.rate("", "", whole, refused)),
        }
    )


GroupWord = Literal[
    "payer", "facility", "provider", "service_group", "category", "level", "coder", "day", "week", "month", "quarter", "year", "age"
]
_GROUPS_BY_MAX = 3


class SideView(BaseModel):
    measure: str
    of: Literal["count", "amount"] = Field(description="how many, or their cents or days")


class KpiView(BaseModel):
    """A key figure and what it means."""

    id: str
    name: str
    name_fr: str
    definition: str
    unit: Unit
    basis: str = Field(description="the day that decides whether something falls into the period")
    source: str = Field(description="where the definition comes from; own: ours")
    pitfalls: str
    numerator: SideView | None
    denominator: SideView | None = Field(description="null: the figure is a sum")
    groups: list[str] = Field(description="what it can be grouped and filtered by, beside the calendar")
    reason: str | None = Field(description="why it has no number; null: it has one")
    needs: list[str] = Field(description="events that would have to be told for it to have one")


class KpiList(BaseModel):
    items: list[KpiView]


class FigureView(BaseModel):
    value: float | None = Field(description="share from 0 to 1, cents, days or a count; null: there is nothing to divide by")
    numerator: int
    denominator: int | None = Field(description="null: the figure is a sum")


class GroupedFigureView(FigureView):
    keys: dict[str, str] = Field(description="by each of `group_by`, in its order; an empty text: not known")
    label: str | None = Field(None, description="the payer's name, where grouped by payer")


class ComparedView(FigureView):
    from_: date = Field(alias="from")
    to: date
    change: float | None = Field(description="value - value then; null: one of them is not there")


class KpiAnswer(BaseModel):
    """A figure beside its definition."""

    kpi: KpiView
    from_: date | None = Field(alias="from")
    to: date | None
    as_of: date | None = Field(description="made of what was known on the evening of this day (UTC); null: of all that is known")
    is_final: bool = Field(description="all that was told by the evening of as_of was taken in: asked again, it is the same")
    total: FigureView | None = Field(description="null: it has no number, and kpi.reason says why")
    groups: list[GroupedFigureView]
    compared: ComparedView | None


@router.get("/v1/kpis", summary="The key figures and their definitions", responses=responses())
async def list_kpis() -> KpiList:
    return KpiList(items=[_view(kpi) for kpi in KPIS])


@router.get("/v1/kpis/{kpi_id}", summary="One key figure over a period", responses=responses(404, 422))
async def get_kpi(
    kpi_id: str,
    period: BoundedDep,
    request: Request,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    group_by: Annotated[list[GroupWord], Query(max_length=_GROUPS_BY_MAX, description="up to three, in order")] = [],  # noqa: B006 - read only
    filter_: Annotated[
        list[str],
        Query(alias="filter", max_length=FILTERS_MAX, description="dimension:value; several values of one: any of them"),
    ] = [],  # noqa: B006 - read only
    compare_to: Annotated[
        Literal["previous", "year"] | None, Query(description="the period of equal length before, or the same a year ago")
    ] = None,
    as_of: Annotated[Day | None, Query(description="of what was known on the evening of this day (UTC)")] = None,
) -> KpiAnswer:
    """What is asked for again as of a day that has ended (`is_final`) comes out the same, although remittances keep coming."""
    kpi = BY_ID.get(kpi_id)
    if kpi is None:
        raise not_found("key figure")
    today = clock.now().date()
    _check(kpi, period, group_by, compare_to)
    known = None if kpi.numerator is None else answers.dimensions(kpi)
    filters = read_filters(filter_, known, ", with a dimension that this key figure has")
    asked = Asked(tenant, period.first, period.last, as_of, tuple(group_by), filters)
    configured = cast("int | None", request.app.state.rework_cost_cents)
    async with database.begin(tenant) as tx:
        through = await store.ended_through(tx)
        if kpi.kind == "cost":
            configured = await answers.cost_of(tx, tenant, configured, as_of)
    kpi, factor = answers.with_cost(kpi, configured)
    told: dict[str, object] = {"kpi": _view(kpi), "from": period.first, "to": period.last, "as_of": as_of}
    is_final = as_of is not None and through is not None and as_of <= through
    told |= {"is_final": is_final, "total": None, "groups": [], "compared": None}
    if kpi.reason is not None:
        return KpiAnswer.model_validate(told)
    try:
        async with database.begin(tenant) as tx:
            total, groups = await answers.answer(tx, kpi, asked, factor, today)
            names = await queries.payer_names(tx, tenant) if "payer" in group_by else {}
            told |= {"total": _figure_view(total), "groups": [_group_view(group_by, each, names) for each in groups]}
            if compare_to and period.first and period.last:
                first, last = earlier(period.first, period.last, compare_to)
                (then,) = await answers.figures_of(tx, kpi, replace(asked, first=first, last=last, group_by=()), factor, today)
                change = None if total.value is None or then.value is None else round(total.value - then.value, 6)
                told["compared"] = {**_figure_view(then), "from": first, "to": last, "change": change}
    except queries.TooManyGroups:
        raise Problem(422, "too-many-groups", f"An answer has at most {GROUPS_MAX} groups: group coarser, or filter.") from None
    return KpiAnswer.model_validate(told)


def _check(kpi: Kpi, period: Period, group_by: Sequence[str], compare_to: str | None) -> None:
    if compare_to and not (period.first and period.last):
        raise Problem(422, "bad-period", "What is compared has a `from` and a `to`.")
    if len(set(group_by)) < len(group_by) or ("age" in group_by and len(group_by) > 1):
        raise Problem(422, "unknown-group", "A group is named once, and age stands alone.")
    if kpi.numerator is not None and not set(group_by) <= set(_words(kpi)):
        raise Problem(422, "unknown-group", "This key figure cannot be grouped so: `groups` of its definition says by what.")


def _words(kpi: Kpi) -> list[str]:
    """Return by what a key figure can be grouped."""
    if kpi.numerator is None:
        return []
    calendar = CALENDAR if kpi.kind != "stock" else ()
    return [*answers.dimensions(kpi), *calendar, *(["age"] if kpi.id == "ar-aging" else [])]


def _view(kpi: Kpi) -> KpiView:
    told = msgspec.structs.asdict(kpi)
    for side in ("numerator", "denominator"):
        told[side] = msgspec.structs.asdict(told[side]) if told[side] else None
    dimensions = answers.dimensions(kpi) + (["age"] if kpi.id == "ar-aging" else [])
    return KpiView.model_validate({**told, "needs": list(kpi.needs), "groups": dimensions})


def _figure_view(each: Figure) -> dict[str, object]:
    return {"value": each.value, "numerator": each.numerator, "denominator": each.denominator}


def _group_view(group_by: Sequence[str], each: Figure, names: dict[str, str]) -> dict[str, object]:
    keys = dict(zip(group_by, each.keys, strict=True))
    return {**_figure_view(each), "keys": keys, "label": names.get(keys.get("payer", ""))}


_TAGS: Final = {
    "kpis": "Key figures, each with its definition.",
    "alerts": "Payers that refuse more than usual: shifts, told once, with their charts.",
    "webhooks": "Who is told of what happens by signed posts, and what became of each.",
    "root causes": "What is refused more often than the rest explains, since when, and what was done about it.",
    "audits": "Samples of denials, reviewed by two people, and what they say of all.",
    "scorecards": "How each payer, provider, facility or coder does.",
    "exports": "Facts, denials and key figures as files.",
    "recounts": "Sums held against the facts that they follow from.",
}


def make_app(
    database: Database,
    clock: Clock,
    verifier: Verifier,
    rework_cost_cents: int | None = None,
    *,
    webhook_loopback: bool = False,
    neighbours: Neighbours | None = None,
    gate: Gate | None = None,
) -> FastAPI:
    """Put the application together. Without neighbours, pages show what analytics itself knows."""
    asked = neighbours or Neighbours({})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.rules.close()
        await asked.close()
        await verifier.close()
        await app.state.gate.close()
        await database.close()

    app = create_app(
        "analytics",
        "Shows where denials come from.",
        audited=AUDITED,
        retention=KINDS,
        verifier=verifier,
        scopes=SCOPES,
        checks={"database": database.ping},
        routers=[
            router,
            causes.router,
            codes.router,
            *pages.ROUTERS,
            alerts.router,
            audits.router,
            stream.router,
            webhooks.router,
            deliveries.router,
            actions.router,
            audit_schedules.router,
            finance.router,
            exports.router,
            reports.router,
            scorecards.router,
            recounts.router,
            ledger.router,
            dead_letters.router,
            outbox.router,
            trails.trail(posts_of_events),
        ],
        tags=_TAGS,
        lifespan=lifespan,
    )
    pages.install(app)
    app.state.door.without_token = by_session
    app.state.door.at_once = (16, 8)  # a page asks for several sums, each some tenths of a second of the database's work
    app.state.database, app.state.clock, app.state.holdings = database, clock, HOLDINGS
    app.state.rework_cost_cents, app.state.webhook_loopback = rework_cost_cents, webhook_loopback
    app.state.streams, app.state.neighbours = Streams(database), asked
    app.state.rules, app.state.gate = Rules(None), gate or Gate(token_bytes(32), verifier.caller_of)
    app.state.kafka, app.state.traces_url, app.state.broker_access = None, None, OPEN
    return described.install(app)
