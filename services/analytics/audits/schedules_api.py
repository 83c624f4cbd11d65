"""Schedules of audits over HTTP: made, listed, and ended."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Path, Response
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.analytics.audits import schedules_store as store
from services.analytics.audits.schedules_store import Schedule
from services.analytics.audits.views import PlanBody
from services.analytics.cadence import Cadence, first_due

router = APIRouter(tags=["audits"])


class ScheduleBody(BaseModel):
    """A plan that is drawn anew for each week, month or quarter, once that is over."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"cadence": "monthly", "plan": {"reviewers": ["first", "second"]}}}
    )

    cadence: Cadence
    plan: PlanBody = Field(description="without days: they are those of the period, on which denials came to be known")

    @model_validator(mode="after")
    def _check(self) -> Self:
        told = self.plan
        if told.from_ is not None or told.to is not None or ("date_basis" in told.model_fields_set and told.date_basis != "known"):
            raise ValueError("the days of a scheduled plan are those of its period, on which denials came to be known")
        return self


class ScheduleView(BaseModel):
    schedule_id: UUID
    cadence: Cadence
    plan: PlanBody
    next_on: date = Field(description="when the next audit is drawn: the day after its period")
    created_at: datetime

    @classmethod
    def of(cls, schedule: Schedule) -> Self:
        told = {name: getattr(schedule, name) for name in schedule.__struct_fields__}
        return cls.model_validate({**told, "plan": PlanBody.of(replace(schedule.plan, date_basis="known"))})


@router.post("/v1/audit-schedules", summary="Schedule an audit", status_code=201, responses=responses(400, 404, 409, 413, 422))
async def add_schedule(
    body: ScheduleBody, tenant: TenantDep, database: DatabaseDep, clock: ClockDep, response: Response, key: idempotency.Key = None
) -> ScheduleView:
    """The first audit is of what comes to be known in the period that holds today; it is drawn on the day after it."""
    idempotency.require(key)
    now = clock.now()
    next_on = first_due(body.cadence, now.date())
    schedule: Schedule | None = Schedule(tenant, uuid7(), body.plan.to_plan(), body.cadence, next_on, now)
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("add_schedule", body.model_dump_json()), now)
        if kept is not None:
            schedule = await store.get(tx, tenant, UUID(kept.body))
        elif schedule is not None:
            await store.insert(tx, schedule)
            await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, str(schedule.schedule_id)))
    if schedule is None:
        raise not_found("schedule")
    response.headers["Location"] = f"/v1/audit-schedules/{schedule.schedule_id}"
    return ScheduleView.of(schedule)


@router.get("/v1/audit-schedules", summary="Schedules, newest first", responses=responses(400, 422))
async def list_schedules(
    tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[ScheduleView]:
    before = read_id_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        rows = await store.page(tx, tenant, before=before, limit=limit + 1)
    return cut_page(rows, limit, tenant, {}, ScheduleView.of, position=lambda row: row.schedule_id)


ScheduleId = Annotated[UUID, Path(description="as it was answered")]


@router.get("/v1/audit-schedules/{schedule_id}", summary="One schedule", responses=responses(404, 422))
async def get_schedule(schedule_id: ScheduleId, tenant: TenantDep, database: DatabaseDep) -> ScheduleView:
    async with database.begin(tenant) as tx:
        schedule = await store.get(tx, tenant, schedule_id)
    if schedule is None:
        raise not_found("schedule")
    return ScheduleView.of(schedule)


@router.delete("/v1/audit-schedules/{schedule_id}", summary="End a schedule", status_code=204, responses=responses(404, 422))
async def remove_schedule(schedule_id: ScheduleId, tenant: TenantDep, database: DatabaseDep) -> None:
    """The audits that it made stay."""
    async with database.begin(tenant) as tx:
        if not await store.remove(tx, tenant, schedule_id):
            raise not_found("schedule")
