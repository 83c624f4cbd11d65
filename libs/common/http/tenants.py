"""`/v1/tenants`: an operator enters tenants, suspends them, lets them go on, exports and erases them, the same in every service.

The one place where a request acts on another tenant than its token's: `tenants:admin` is for those who run the system,
`tenants:export` for whom a tenant is to be handed over. What is changed or shown stands in the audit log of that tenant.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from libs.common.access.caller import is_tenant
from libs.common.audit.acting import of_tenant
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.file_answers import FileAnswer
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.sealing.keys import cipher_of
from libs.common.tenants import store
from libs.common.tenants.archive import archive
from libs.common.tenants.store import ERASURE, Change, Row, State

router = APIRouter(tags=["tenants"])

_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
_Named = Annotated[
    str, Path(min_length=1, max_length=64, pattern=_PRINTABLE, description="as tokens name it in their claim `tenant`")
]
Why = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_PRINTABLE)]
_WHY: Final = "for those who ask later; no patient's data"


async def _tenant_id(tenant_id: _Named) -> str:
    if not is_tenant(tenant_id):
        raise Problem(422, "no-tenant-name", "No token can name a tenant so: 64 characters that can be read, no slash, not . or ..")
    return tenant_id


TenantId = Annotated[str, Depends(_tenant_id)]


class NewTenantBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    why: Why = Field(description=_WHY)


class EraseBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    confirm: str = Field(max_length=64, description="the tenant's name once more: what is erased does not come back")
    why: Why = Field(description=_WHY)


class TenantBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: Literal["active", "suspended"] | None = Field(
        None, description="`suspended`: its requests are refused; `active`: they are answered; null: as it was"
    )
    legal_hold: StrictBool | None = Field(None, description="true: nothing of it is forgotten by itself; null: as it was")
    why: Why = Field(description=_WHY)

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
    erasing_from: datetime | None = Field(description="when it was to be erased; null: it never was")
    erased_at: datetime | None = Field(description="when all of it was gone; null: it is not")
    erased: dict[str, int] = Field(description="how many rows are gone so far, by table; of `objects/...`: how many objects")


_ENTERED: Final[dict[int | str, dict[str, Any]]] = {
    **responses(409, 422),
    200: {"model": TenantView, "description": "It stood there already"},
}
_ARCHIVE: Final[dict[int | str, dict[str, Any]]] = {
    **responses(409, 422),
    200: {
        "description": "The archive, in pieces; one that broke off does not open",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    },
}


def _view(row: Row) -> TenantView:
    return TenantView.model_validate({**row, "erased": msgspec.json.decode(row["erased"])})


def _is_erased(row: Row | None) -> bool:
    return row is not None and row["state"] in ERASURE


def _gone() -> Problem:
    return Problem(
        409, "tenant-erased", "This tenant is erased, or being erased: it does not come back, and its name is not used again."
    )


@router.get("/v1/tenants", summary="Tenants that somebody entered or changed; all others are active", responses=responses(400, 422))
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
        raise not_found("tenant that somebody entered or changed")
    return _view(row)


@router.post("/v1/tenants/{tenant_id}", summary="Enter a tenant in the register", status_code=201, responses=_ENTERED)
async def create_tenant(
    response: Response,
    tenant_id: TenantId,
    body: NewTenantBody,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> TenantView:
    """It is active, and has its first data key: what is wrong with the master key shows now.

    One that stands there already stays as it is.
    """
    async with database.begin(tenant_id) as tx:
        made = await store.enter(tx, tenant_id, body.why, who, clock.now())
        if made:
            await cipher_of(tx, tenant_id)
        row = await store.find(tx, tenant_id)
    if row is None:
        raise LookupError("a tenant that was entered is not there")
    if _is_erased(row):
        raise _gone()
    response.status_code = 201 if made else 200
    return _view(row)


@router.put(
    "/v1/tenants/{tenant_id}", summary="Suspend a tenant, or put it under legal hold; or end that", responses=responses(409, 422)
)
async def put_tenant(
    request: Request, tenant_id: TenantId, body: TenantBody, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> TenantView:
    """Every process of the service knows it a second later. Said again it changes nothing but why, by whom and when."""
    async with database.begin(tenant_id) as tx:
        row = await store.put(tx, tenant_id, Change(body.state, body.legal_hold, body.why, who), clock.now())
        if row is None:
            raise _gone()  # within the transaction: what was refused is no change in the audit log
    request.app.state.door.standing.forget()
    return _view(row)


@router.get(
    "/v1/tenants/{tenant_id}/export",
    summary="All that the service holds of a tenant, as a ZIP archive",
    response_class=StreamingResponse,
    responses=_ARCHIVE,
)
async def export_tenant(request: Request, tenant_id: TenantId, database: DatabaseDep, clock: ClockDep) -> StreamingResponse:
    """Every table's rows as JSON lines, what is sealed opened; then the bytes beside the database; last a manifest of both."""
    of_tenant(tenant_id)
    async with database.begin(tenant_id) as tx:
        if _is_erased(await store.find(tx, tenant_id)):
            raise _gone()
    pieces = archive(database, request.app.state.holdings, tenant_id, clock.now())
    name = f'attachment; filename="{request.app.state.holdings.service}.zip"'
    return FileAnswer(pieces, media_type="application/zip", headers={"Content-Disposition": name})


@router.post(
    "/v1/tenants/{tenant_id}/erase",
    summary="Erase a suspended tenant, for ever",
    status_code=202,
    responses=responses(404, 409, 422),
)
async def erase_tenant(
    request: Request,
    response: Response,
    tenant_id: TenantId,
    body: EraseBody,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> TenantView:
    """The worker deletes its rows, its documents and its data keys; `GET /v1/tenants/{tenant_id}` tells how far it is.

    Only a tenant that is suspended and not under legal hold. Kept are the audit log and the tenant's row in the register.
    """
    if body.confirm != tenant_id:
        raise Problem(422, "not-confirmed", "`confirm` has to be the name of the tenant that is to be erased.")
    async with database.begin(tenant_id) as tx:
        row = await store.begin_erasing(tx, tenant_id, body.why, who, clock.now()) or await store.find(tx, tenant_id)
    if row is None:
        raise not_found("tenant that somebody entered or changed")
    if row["state"] not in ERASURE and row["legal_hold"]:
        raise Problem(409, "tenant-held", "This tenant is under legal hold: nothing of it is erased before it is released.")
    if row["state"] not in ERASURE:
        raise Problem(409, "tenant-not-suspended", "Suspend this tenant first: what is being written would outlive its end.")
    request.app.state.door.standing.forget()
    response.headers["Location"] = f"/v1/tenants/{quote(tenant_id, safe='')}"
    return _view(row)
