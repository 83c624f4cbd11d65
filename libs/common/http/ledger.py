"""`GET /v1/ledger`, the same in every service."""

from fastapi import APIRouter

from libs.common import ledger
from libs.common.http.deps import DatabaseDep, PeriodDep, TenantDep
from libs.common.http.problems import responses
from libs.common.ledger import Ledger

router = APIRouter(tags=["ledger"])


@router.get("/v1/ledger", summary="What this service has booked, by payment day", responses=responses(422))
async def get_ledger(period: PeriodDep, tenant: TenantDep, database: DatabaseDep) -> Ledger:
    async with database.begin(tenant) as tx:
        return await ledger.read(tx, tenant, period.first, period.last)
