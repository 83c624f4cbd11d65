"""`GET /v1/outbox`: what a service has told and not yet sent, the same in every service."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problems import responses
from libs.common.messaging import outbox

router = APIRouter(tags=["outbox"])
_COUNTED_MAX = 10_000


class OutboxView(BaseModel):
    waiting: int = Field(description=f"events that the relay has not sent; beyond {_COUNTED_MAX:,} they are not counted")
    oldest_at: datetime | None = Field(description="since when the oldest of those counted waits")
    oldest_seconds: float | None = Field(description="how long that is")


@router.get("/v1/outbox", summary="Events that wait to be sent, of all tenants", responses=responses())
async def get_outbox(tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> OutboxView:
    async with database.begin(tenant) as tx:
        found = await outbox.waiting(tx, _COUNTED_MAX)
    seconds = None if found.oldest_at is None else max(0.0, (clock.now() - found.oldest_at).total_seconds())
    return OutboxView(waiting=found.count, oldest_at=found.oldest_at, oldest_seconds=seconds)
