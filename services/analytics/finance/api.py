"""What a tenant tells of its money, over HTTP: net revenue of months, the cost of working a denial."""

from datetime import date, datetime
from typing import Annotated, cast

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from services.analytics.finance import store

router = APIRouter(tags=["kpis"])

_CENTS_MAX = 10**15
_YEARS = range(1990, 2201)


class ReworkCostBody(BaseModel, extra="forbid"):
    cents: int = Field(ge=0, le=10_000_000, description="what working one denial costs")


class NetRevenueBody(BaseModel, extra="forbid"):
    cents: int = Field(ge=1, le=_CENTS_MAX, description="net patient service revenue of the month, as the books say it")


class NetRevenueView(BaseModel):
    month: date = Field(description="its first day")
    cents: int
    told_at: datetime


class FinanceView(BaseModel):
    """What stands. Earlier words are kept: a key figure asked as of a day is made of what was told by then."""

    rework_cost_cents: int | None = Field(description="null: neither told nor configured (RECOURS_REWORK_COST_CENTS)")
    net_revenue: list[NetRevenueView]


@router.get("/v1/finance", summary="What key figures know of the tenant's money", responses=responses())
async def get_finance(request: Request, tenant: TenantDep, database: DatabaseDep) -> FinanceView:
    async with database.begin(tenant) as tx:
        return await _view(tx, tenant, request)


@router.put("/v1/finance/rework-cost", summary="Tell what working one denial costs", responses=responses(413, 415, 422))
async def put_rework_cost(
    body: ReworkCostBody, request: Request, tenant: TenantDep, database: DatabaseDep, clock: ClockDep
) -> FinanceView:
    """It holds from today on, in the place of RECOURS_REWORK_COST_CENTS."""
    async with database.begin(tenant) as tx:
        await store.tell(tx, tenant, "rework_cost", store.ALWAYS, body.cents, clock.now())
        return await _view(tx, tenant, request)


@router.put("/v1/finance/net-revenue/{month}", summary="Tell a month's net revenue", responses=responses(413, 415, 422))
async def put_net_revenue(
    month: Annotated[str, Path(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="such as 2026-03")],
    body: NetRevenueBody,
    request: Request,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> FinanceView:
    """Told again, it is corrected; what was known before stays, for figures asked as of a day."""
    first = date.fromisoformat(f"{month}-01") if int(month[:4]) in _YEARS else None
    if first is None:
        raise Problem(422, "bad-period", "A month lies between 1990 and 2200.")
    async with database.begin(tenant) as tx:
        await store.tell(tx, tenant, "net_revenue", first, body.cents, clock.now())
        return await _view(tx, tenant, request)


async def _view(tx: AsyncConnection, tenant: str, request: Request) -> FinanceView:
    told = await store.rework_cost(tx, tenant)
    cost = cast("int | None", request.app.state.rework_cost_cents) if told is None else told
    months = [NetRevenueView(month=each.month, cents=each.cents, told_at=each.told_at)
              for each in await store.newest(tx, tenant, "net_revenue")]  # fmt: skip
    return FinanceView(rework_cost_cents=cost, net_revenue=months)
