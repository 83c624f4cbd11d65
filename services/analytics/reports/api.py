"""Scheduled reports over HTTP: schedules made, listed and ended; reports listed and fetched."""

from collections.abc import AsyncGenerator
from datetime import date, datetime
from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from libs.common.database import Database
from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.file_answers import FileAnswer
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.http.table_answers import FILES
from libs.common.ids import uuid7
from libs.common.table_files import MEDIA_TYPES, Format
from services.analytics.cadence import Cadence, first_due
from services.analytics.exports.api import require_shareable
from services.analytics.reports import store
from services.analytics.reports.store import Report, Reported, Schedule

router = APIRouter(tags=["exports"])
SCHEDULES_MAX: Final = 20


class ReportScheduleBody(BaseModel):
    """An export that is made anew for each week, month or quarter, once that is over."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"what": "denials", "format": "xlsx", "cadence": "monthly"}}
    )

    what: Reported
    format: Format
    cadence: Cadence
    shared: bool = Field(False, description="key figures to be shown outside: small cells are left out")


class ReportScheduleView(ReportScheduleBody):
    schedule_id: UUID
    next_on: date = Field(description="when the next report is made: the day after its period")
    created_at: datetime

    @classmethod
    def of(cls, schedule: Schedule) -> Self:
        return cls(**{name: getattr(schedule, name) for name in cls.model_fields})


class ReportView(BaseModel):
    report_id: UUID
    schedule_id: UUID
    what: Reported
    format: Format
    shared: bool = Field(description="made to be shown outside: small cells are left out")
    first_on: date
    last_on: date
    size_bytes: int | None = Field(description="null: the file was larger than what is kept, and is not there")
    made_at: datetime

    @classmethod
    def of(cls, report: Report) -> Self:
        return cls(**{name: getattr(report, name) for name in cls.model_fields})


@router.post("/v1/report-schedules", summary="Schedule a report", status_code=201, responses=responses(400, 404, 409, 413, 422))
async def add_report_schedule(
    body: ReportScheduleBody,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> ReportScheduleView:
    """The first report is of the period that holds today, made on the day after it."""
    idempotency.require(key)
    require_shareable(body.what, shared=body.shared)
    now = clock.now()
    next_on = first_due(body.cadence, now.date())
    schedule: Schedule | None = Schedule(tenant, uuid7(), body.what, body.format, body.cadence, body.shared, next_on, now)
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("add_report_schedule", body.model_dump_json()), now)
        if kept is not None:
            schedule = await store.get_schedule(tx, tenant, UUID(kept.body))
        elif schedule is not None:
            if await store.lock_schedules(tx, tenant) >= SCHEDULES_MAX:
                raise Problem(409, "too-many-schedules", f"There are {SCHEDULES_MAX} schedules of reports; end one first.")
            await store.insert_schedule(tx, schedule)
            await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, str(schedule.schedule_id)))
    if schedule is None:
        raise not_found("schedule")
    return ReportScheduleView.of(schedule)


@router.get("/v1/report-schedules", summary="Schedules of reports, newest first", responses=responses(400, 422))
async def list_report_schedules(
    tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[ReportScheduleView]:
    before = read_id_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        found = await store.schedules(tx, tenant, before=before, limit=limit + 1)
    return cut_page(found, limit, tenant, {}, ReportScheduleView.of, position=lambda row: row.schedule_id)


@router.delete(
    "/v1/report-schedules/{schedule_id}", summary="End a schedule of reports", status_code=204, responses=responses(404, 422)
)
async def remove_report_schedule(
    schedule_id: Annotated[UUID, Path(description="as it was answered")], tenant: TenantDep, database: DatabaseDep
) -> None:
    """The reports that it made go with it."""
    async with database.begin(tenant) as tx:
        if not await store.remove_schedule(tx, tenant, schedule_id):
            raise not_found("schedule")


@router.get("/v1/reports", summary="Reports that schedules made, newest first", responses=responses(400, 422))
async def list_reports(tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[ReportView]:
    before = read_id_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        found = await store.page(tx, tenant, before=before, limit=limit + 1)
    return cut_page(found, limit, tenant, {}, ReportView.of, position=lambda row: row.report_id)


@router.get(
    "/v1/reports/{report_id}",
    summary="A report's file",
    response_class=StreamingResponse,
    responses={**responses(404, 409, 422), 200: FILES},
)
async def get_report(
    report_id: Annotated[UUID, Path(description="of the list")], tenant: TenantDep, database: DatabaseDep
) -> StreamingResponse:
    async with database.begin(tenant) as tx:
        report = await store.get(tx, tenant, report_id)
    if report is None:
        raise not_found("report")
    if report.size_bytes is None:
        raise Problem(409, "report-too-large", "The file was larger than what is kept; fetch the export of these days.")
    name = f"{report.what}{'-shared' if report.shared else ''}-{report.first_on}-{report.last_on}.{report.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(report.size_bytes)}
    return FileAnswer(_file(database, report), media_type=MEDIA_TYPES[report.format], headers=headers)


async def _file(database: Database, report: Report) -> AsyncGenerator[bytes, None]:
    """Yield the file, each piece in a transaction of its own: who reads slowly holds nothing."""
    place = 0
    while True:
        async with database.begin(report.tenant_id) as tx:
            piece = await store.piece(tx, report.tenant_id, report.report_id, place)
        if piece is None:
            return
        yield piece
        place += 1
