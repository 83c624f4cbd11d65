"""`/v1/tenants`: an operator suspends tenants and lets them go on, the same in every service.

The one place where a request acts on another tenant than its token's: `tenants:admin` is for those who run the system. What is
changed stands in the audit log of the tenant that it was done to.
"""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problems import not_found, responses
from libs.common.tenants import store
from libs.common.tenants.store import Change, Row, State

router = APIRouter(tags=["tenants"])

_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
TenantId = Annotated[
    str, Path(min_length=1, max_length=64, pattern=_PRINTABLE, description="as tokens name it in their claim `tenant`")
]


class TenantBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: State | None = Field(
        None, description="`suspended`: its requests are refused; `active`: they are answered; null: as it was"
    )
    legal_hold: StrictBool | None = Field(None, description="true: nothing of it is forgotten by itself; null: as it was")
    why: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_PRINTABLE)] = Field(
        description="for those who ask later; no patient's data"
    )

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if self.state is None and self.legal_hold is None:
            raise ValueError("neither state nor legal_hold")
        return self


class TenantView(BaseModel):
    tenant_id: str
    state: State
    why: str = Field(description="what was told when its state was changed last; empty: it never was")
    legal_hold: bool = Field(description="nothing of it is forgotten by itself")
    hold_why: str = Field(description="what was told when it was put under legal hold, or released; empty: it never was")
    changed_by: str = Field(description="who changed it last")
    changed_at: datetime


def _view(row: Row) -> TenantView:
    return TenantView.model_validate(dict(row))


@router.get("/v1/tenants", summary="Tenants that were ever suspended or held; all others are active", responses=responses(400, 422))
async def list_tenants(
    tenant: TenantDep,
    database: DatabaseDep,
    state: Annotated[State | None, Query(description="those that are so now")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[TenantView]:
    after = read_cursor(cursor, tenant, {"state": state}, str)
    async with database.begin(tenant) as tx:
        rows = await store.find_all(tx, state, after, limit + 1)
    return cut_page(rows, limit, tenant, {"state": state}, _view, position=lambda row: row["tenant_id"])


@router.get("/v1/tenants/{tenant_id}", summary="One of them", responses=responses(404, 422))
async def get_tenant(tenant_id: TenantId, database: DatabaseDep) -> TenantView:
    async with database.begin(tenant_id) as tx:
        row = await store.find(tx, tenant_id)
    if row is None:
        raise not_found("tenant that was ever suspended or held")
    return _view(row)


@router.put(
    "/v1/tenants/{tenant_id}", summary="Suspend a tenant, or put it under legal hold; or end that", responses=responses(422)
)
async def put_tenant(
    request: Request, tenant_id: TenantId, body: TenantBody, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> TenantView:
    """Every process of the service knows it a second later. Said again it changes nothing but why, by whom and when."""
    async with database.begin(tenant_id) as tx:
        row = await store.put(tx, tenant_id, Change(body.state, body.legal_hold, body.why, who), clock.now())
    request.app.state.door.standing.forget()
    return _view(row)
