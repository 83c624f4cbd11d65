"""Recounts over HTTP: asked for, followed, and read."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from libs.common.orders import CLOCKS_APART
from services.analytics.recounts import store
from services.analytics.recounts.store import Recount, State


class RecountBody(BaseModel, extra="forbid"):
    repair: bool = Field(False, description="make right what differs")
    reread: bool = Field(False, description="before that, read the topics from their beginning for facts that are missing")


class DifferenceView(BaseModel):
    measure: str
    day: str
    known_on: str
    cell: list[str] = Field(
        description="payer, facility, provider, service group, category, level, coder, code; a number: none names it; or an"
        " account's claim key"
    )
    grain: int = Field(
        description="0: by day; 1: by day, payer, category, level and code alone; 2: by month; -1: an account's lines; -2: a cell's"
        " own words, which sums are grouped and filtered by"
    )
    expected: list[int] = Field(
        description="count and amount, as the facts say; lines and refused cents of an account; of a cell 1 and 0"
    )
    found: list[int]


class RecountView(BaseModel):
    recount_id: UUID
    repair: bool
    reread: bool
    state: State
    created_at: datetime
    updated_at: datetime
    parts: int = Field(description="into how many parts it is cut; 0: not known yet")
    parts_done: int
    facts: int = Field(description="read")
    facts_new: int = Field(description="found in the topics and not known before")
    sums: int = Field(description="that the facts come to")
    outcomes: int = Field(description="lines that the facts come to, in which root causes are searched")
    differing: int = Field(
        description="of sums, of cells that are lost or say something else, of accounts with such lines, and of those that no fact"
        " explains"
    )
    report: list[DifferenceView] = Field(description="the first 100 that differ, as they were before any repair")


router = APIRouter(tags=["recounts"])


@router.post("/v1/recounts", summary="Hold the sums against the facts", status_code=202, responses=responses(409, 413, 422))
async def begin_recount(
    body: RecountBody,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    response: Response,
    key: idempotency.Key = None,
) -> RecountView:
    """Poll its Location. Asked for again while it is under way it is the same one; another kind waits until it is done."""
    now = clock.now()
    wanted = Recount(tenant, uuid7(), body.repair, body.reread, "waiting", now, now, leased_until=now - CLOCKS_APART)
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("begin_recount", body.model_dump_json()), now)
        if kept is not None:
            recount = await store.get(tx, tenant, UUID(kept.body))
        else:
            recount = wanted if await store.insert(tx, wanted) else await store.unfinished(tx, tenant)
        if recount is None or (recount.repair, recount.reread) != (body.repair, body.reread):
            raise Problem(409, "recount-under-way", "Another recount is under way: ask again when it is done.")
        if kept is None:
            await idempotency.finish(tx, tenant, key, idempotency.Kept(202, None, str(recount.recount_id)))
    response.headers["Location"] = f"/v1/recounts/{recount.recount_id}"
    return _view(recount)


@router.get("/v1/recounts/{recount_id}", summary="One recount: how far it is, and what differs", responses=responses(404, 422))
async def get_recount(
    recount_id: Annotated[UUID, Path(description="as it was answered")], tenant: TenantDep, database: DatabaseDep
) -> RecountView:
    async with database.begin(tenant) as tx:
        recount = await store.get(tx, tenant, recount_id)
    if recount is None:
        raise not_found("recount")
    return _view(recount)


def _view(recount: Recount) -> RecountView:
    return RecountView.model_validate(msgspec.to_builtins(recount, builtin_types=(UUID, datetime)))
