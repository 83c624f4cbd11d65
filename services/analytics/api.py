"""Analytics' HTTP interface: KPIs and the ledger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, Field

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http import dead_letters, ledger
from libs.common.http.app import create_app
from libs.common.http.deps import DatabaseDep, PeriodDep, TenantDep
from libs.common.http.problems import responses
from services.analytics import kpis, queries

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


@router.get("/v1/kpis/denial-rate", summary="Initial denial rate, by claims and by dollars", responses=responses(422))
async def get_denial_rate(
    period: PeriodDep,
    tenant: TenantDep,
    database: DatabaseDep,
    group_by: Annotated[GroupBy, Query(description="what a group is; by category, each is measured against all claims")] = "payer",
) -> DenialRateView:
    first, last = period.first, period.last
    async with database.begin(tenant) as tx:
        asked = queries.Asked(tenant, first, last)
        whole = kpis.whole(await queries.sums(tx, asked, "standing"))
        refused = kpis.whole(await queries.sums(tx, asked, "standing_denied"))
        grouped = msgspec.structs.replace(asked, group_by=(group_by,))
        by_group = await queries.sums(tx, grouped, "standing_denied")
        adjudicated = {} if group_by == "category" else await queries.sums(tx, grouped, "standing")
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


def make_app(database: Database, clock: Clock, tenant: str) -> FastAPI:
    """Put the application together."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.close()

    app = create_app(
        "analytics",
        "Shows where denials come from.",
        checks={"database": database.ping},
        routers=[router, ledger.router, dead_letters.router],
        tags={
            "kpis": "Key figures, each with its definition.",
        },
        lifespan=lifespan,
    )
    app.state.database, app.state.clock, app.state.tenant = database, clock, tenant
    return app
