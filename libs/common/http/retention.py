"""`/v1/retention`: how long what is of which kind is kept for the tenant that asks, the same in every service."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.retention import store
from libs.common.retention.kinds import DAYS_MAX, Kind

router = APIRouter(tags=["retention"])


class RetentionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: StrictInt | None = Field(description="how long it is kept; null: as long as for whoever says nothing")


class RetentionView(BaseModel):
    kind: str
    about: str = Field(description="what is taken away")
    days: int = Field(description="how long it is kept")
    default_days: int = Field(description="how long for whoever says nothing")
    least_days: int = Field(description="what is asked for may not be less")
    changed_by: str | None = Field(description="who said it last; null: nobody")
    changed_at: datetime | None


class RetentionList(BaseModel):
    items: list[RetentionView]


def _kinds(request: Request) -> Sequence[Kind]:
    return cast("Sequence[Kind]", request.app.state.retention)


def _view(kind: Kind, row: Any) -> RetentionView:
    days = None if row is None else row["days"]
    return RetentionView(
        kind=kind.name,
        about=kind.about,
        days=kind.default_days if days is None else days,
        default_days=kind.default_days,
        least_days=kind.least_days,
        changed_by=None if row is None else row["changed_by"],
        changed_at=None if row is None else row["changed_at"],
    )


@router.get("/v1/retention", summary="How long what is kept", responses=responses())
async def list_retention(request: Request, tenant: TenantDep, database: DatabaseDep) -> RetentionList:
    """What is past its time is taken away within the hour, unless the tenant is under legal hold."""
    async with database.begin(tenant) as tx:
        told = await store.told(tx, tenant)
    return RetentionList(items=[_view(kind, told.get(kind.name)) for kind in _kinds(request)])


@router.put("/v1/retention/{kind}", summary="Keep it for longer, or not so long", responses=responses(404, 422))
async def put_retention(
    kind: Annotated[str, Path(max_length=40, description="as the list names it")],
    body: RetentionBody,
    request: Request,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> RetentionView:
    """What is older than that is gone within the hour, and nothing brings it back."""
    named = next((each for each in _kinds(request) if each.name == kind), None)
    if named is None:
        raise not_found("kind")
    if body.days is not None and not named.least_days <= body.days <= DAYS_MAX:
        told = f"It is kept for {named.least_days} to {DAYS_MAX} days."
        raise Problem(422, "bad-retention", told, least_days=named.least_days, most_days=DAYS_MAX)
    async with database.begin(tenant) as tx:
        await store.put(tx, tenant, named, body.days, who, clock.now())
        row = (await store.told(tx, tenant))[kind]
    return _view(named, row)
