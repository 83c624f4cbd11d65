"""`GET /v1/trail`: what a service told of an account, and which events it has dealt with; the same in every service.

Put together over the services it says where a claim is, and how long each hand took: `recours trace`.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.problems import responses
from libs.common.ids import claim_key

_TOLD_MAX: Final = 500
_TAKEN_MAX: Final = 100

# Apart from what comes by the million, which is not indexed (libs/common/messaging/schema.py): ingest knows that by its own rows.
_TOLD: Final = text(
    """
    SELECT id AS event_id, type, created_at AS at, headers::json ->> 'ce_causationid' AS cause,
           split_part(headers::json ->> 'traceparent', '-', 2) AS trace_id,
           xid <= (SELECT last_xid FROM relay_position) AS sent
    FROM outbox WHERE aggregateid = :key AND tenant_id = :tenant
      AND aggregatetype NOT IN ('remit.received', 'claim.submitted') AND aggregatetype NOT LIKE '%.dlq'
    ORDER BY seq LIMIT :most
    """
)
_TAKEN: Final = text(
    "SELECT event_id, min(admitted_at) AS at FROM inbox WHERE event_id = ANY(CAST(:ids AS uuid[])) GROUP BY event_id ORDER BY at"
)


class Told(BaseModel):
    """An event. `cause`: the id of the event, or of the file or request, that it follows from."""

    event_id: UUID
    type: str
    at: datetime
    cause: str | None
    trace_id: str | None = Field(description="null where nothing was traced")
    sent: bool | None = Field(description="whether the broker has it; null where that is known by who took it alone")


class Taken(BaseModel):
    event_id: UUID
    at: datetime = Field(description="when the transaction began that dealt with it")


class Trail(BaseModel):
    told: list[Told] = Field(description=f"oldest first, the first {_TOLD_MAX}; of the days that the outbox is kept")
    taken: list[Taken] = Field(description="of the events that were asked for, those that this service has dealt with")


# Given the tenant, the account's key and the events that were asked for.
ToldElsewhere = Callable[[AsyncConnection, str, UUID, Sequence[UUID]], Awaitable[Sequence[Told]]]


async def _nothing(*_: object) -> Sequence[Told]:
    return ()


def trail(told_elsewhere: ToldElsewhere = _nothing) -> APIRouter:
    """Return the route of a service. `told_elsewhere`: what it told that its outbox does not find by account."""
    router = APIRouter(tags=["outbox"])

    @router.get("/v1/trail", summary="What was told of an account, and what was dealt with", responses=responses(422))
    async def get_trail(
        tenant: TenantDep,
        database: DatabaseDep,
        pcn: Annotated[str, Query(min_length=1, max_length=50, description="the account's patient control number")],
        event_id: Annotated[list[UUID], Query(max_length=_TAKEN_MAX, description="events to look for")] = [],  # noqa: B006 - as FastAPI has it
    ) -> Trail:
        """Events of an account by this service, and whether it took those that others told."""
        key = claim_key(tenant, pcn)
        async with database.begin(tenant) as tx:
            found = await tx.execute(_TOLD, {"key": str(key), "tenant": tenant, "most": _TOLD_MAX})
            told = [*await told_elsewhere(tx, tenant, key, event_id), *(Told.model_validate({**row}) for row in found.mappings())]
            taken = await tx.execute(_TAKEN, {"ids": event_id})
            return Trail(
                told=sorted(told, key=lambda each: each.at)[:_TOLD_MAX],
                taken=[Taken.model_validate({**row}) for row in taken.mappings()],
            )

    return router
