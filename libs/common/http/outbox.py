"""`GET /v1/outbox`: what a service has told and not yet sent, the same in every service."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import text

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problems import responses

router = APIRouter(tags=["outbox"])
_COUNTED_MAX = 10_000
_WAITING = text(
    """
    SELECT count(*) AS waiting, min(created_at) AS oldest_at
    FROM (SELECT created_at FROM outbox WHERE xid > (SELECT last_xid FROM relay_position) LIMIT :most) AS rows
    """
)


class OutboxView(BaseModel):
    waiting: int = Field(description=f"events that the relay has not sent; beyond {_COUNTED_MAX:,} they are not counted")
    oldest_at: datetime | None = Field(description="since when the oldest of those counted waits")
    oldest_seconds: float | None = Field(description="how long that is")


@router.get("/v1/outbox", summary="Events that wait to be sent, of all tenants", responses=responses())
async def get_outbox(tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> OutboxView:
    async with database.begin(tenant) as tx:
        row = (await tx.execute(_WAITING, {"most": _COUNTED_MAX})).one()
    seconds = None if row.oldest_at is None else max(0.0, (clock.now() - row.oldest_at).total_seconds())
    return OutboxView(waiting=row.waiting, oldest_at=row.oldest_at, oldest_seconds=seconds)
