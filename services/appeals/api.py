"""Appeals' HTTP interface: cases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, Field

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http import dead_letters, ledger
from libs.common.http.app import create_app
from libs.common.http.deps import DatabaseDep, PeriodDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problems import not_found, responses
from services.appeals import store
from services.appeals.ingest import Ingest
from services.appeals.workflow import CaseState


class ReasonView(BaseModel):
    """One refused adjustment."""

    line: int | None = None
    group_code: str
    carc: str
    rarcs: list[str] = []
    amount_cents: int
    category: str


class CaseView(BaseModel):
    """The work on one denial."""

    case_id: UUID
    state: CaseState
    version: int
    denial_id: UUID
    denial_revision: int
    remit_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    category: str
    action: str
    denied_cents: int
    explanation: str
    reasons: list[ReasonView]
    opened_at: datetime
    changed_at: datetime


class HistoryView(BaseModel):
    version: int
    state: CaseState
    why: str = Field(description="denial_classified, denial_not_recoverable, denial_retracted")
    who: str
    at: datetime


class CaseDetail(CaseView):
    history: list[HistoryView]


router = APIRouter(tags=["cases"])


@router.get("/v1/cases", summary="Cases, newest first", responses=responses(400, 422))
async def list_cases(
    tenant: TenantDep,
    database: DatabaseDep,
    period: PeriodDep,
    state: Annotated[CaseState | None, Query(description="only cases in this state")] = None,
    payer: Annotated[str | None, Query(max_length=80, description="payer id (TRN03)")] = None,
    category: Annotated[str | None, Query(max_length=40, description="the denial's category")] = None,
    action: Annotated[str | None, Query(max_length=40, description="what to do")] = None,
    denial_id: Annotated[UUID | None, Query(description="the case of one denial")] = None,
    pcn: Annotated[str | None, Query(max_length=400, description="patient control number, as billed or as echoed")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[CaseView]:
    wanted = {"state": state, "payer_id": payer, "category": category, "action": action, "denial_id": denial_id}
    filters = wanted | {"first": period.first, "last": period.last, "pcn": pcn}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await store.find_cases(
            tx,
            tenant,
            {name: value for name, value in wanted.items() if value is not None},
            first=period.first,
            last=period.last,
            pcn=pcn,
            before=before,
            limit=limit + 1,
        )
    return cut_page(rows, limit, tenant, filters, lambda row: CaseView.model_validate(dict(row)))


@router.get("/v1/cases/{case_id}", summary="One case with its history", responses=responses(404, 422))
async def get_case(case_id: UUID, tenant: TenantDep, database: DatabaseDep) -> CaseDetail:
    async with database.begin(tenant) as tx:
        found = await store.get_case(tx, tenant, case_id)
    if found is None:
        raise not_found("case")
    case, history = found
    return CaseDetail.model_validate({**case, "history": [dict(row) for row in history]})


def make_app(database: Database, clock: Clock, tenant: str) -> FastAPI:
    """Put the application together."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.ingest.close()
        await database.close()

    app = create_app(
        "appeals",
        "Carries each recoverable denial from its opening to its outcome.",
        checks={"database": database.ping},
        routers=[router, ledger.router, dead_letters.router],
        tags={
            "cases": "The work on denials that can be pursued.",
        },
        lifespan=lifespan,
    )
    app.state.database, app.state.clock, app.state.tenant = database, clock, tenant
    app.state.ingest = Ingest(None)
    return app
