"""What every change of a case over HTTP has in common: done once, made from a version that was read, answered with the case."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, TraceDep, WhoDep
from libs.common.http.neighbour import Behalf
from libs.common.http.problem import Problem, not_found
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from services.appeals import closing, store
from services.appeals.correspondence.store import tasks_of
from services.appeals.records.store import requests_of
from services.appeals.views import CaseDetail
from services.appeals.workflow import Case, Decision, Move, Refusal, allowed, decide


@dataclass(frozen=True)
class Asking:
    """Who asks what of which version, and with what it is answered."""

    tenant: str
    who: str
    database: Database
    clock: Clock
    traceparent: str
    response: Response
    key: str | None
    if_match: str | None

    @property
    def behalf(self) -> Behalf:
        """For whom other services are asked."""
        return Behalf(self.tenant, self.traceparent)


async def _asking(
    response: Response,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    traceparent: TraceDep,
    if_match: IfMatch = None,
    key: idempotency.Key = None,
) -> Asking:
    return Asking(tenant, who, database, clock, traceparent, response, key, if_match)


AskingDep = Annotated[Asking, Depends(_asking)]


@dataclass(frozen=True)
class Locked:
    """A case that is to be changed, locked with the others of its account."""

    tx: AsyncConnection
    tenant: str
    who: str
    row: Mapping[str, Any]
    now: datetime
    traceparent: str

    @property
    def key(self) -> store.Key:
        return (self.tenant, self.row["case_id"])

    async def take(self, case: Case, move: Move) -> Case:
        """Take a step and write it. Errors: Problem 409 where it is refused."""
        decision = decide(case, move, self.now)
        if isinstance(decision, Refusal):
            raise Problem(409, "step-refused", decision.detail, reason=decision.reason)
        await self.write(decision)
        return decision.case

    async def write(self, decision: Decision) -> None:
        await store.move(self.tx, {self.key: decision.case}, self.now)
        await closing.tell(self.tx, [(self.key, step) for step in decision.steps], self.traceparent)


async def answered_before(asking: Asking, case_id: UUID, what: str, body: BaseModel) -> CaseDetail | None:
    """Return what a change was answered with, where it was made before: for one that has to prepare outside of a transaction.

    Errors: Problem 400, 422, 428, as `change`.
    """
    idempotency.require(asking.key)
    digest = _digest(case_id, what, read_version(asking.if_match), body)
    async with asking.database.begin(asking.tenant) as tx:
        kept = await idempotency.find(tx, asking.tenant, asking.key or "", digest, asking.clock.now())
    if kept is None:
        return None
    detail = CaseDetail.model_validate_json(kept.body)
    asking.response.headers["ETag"] = etag(detail.version)
    return detail


def _digest(case_id: UUID, what: str, version: int, body: BaseModel) -> str:
    return idempotency.digest(what, str(case_id), str(version), body.model_dump_json())


async def change(asking: Asking, case_id: UUID, what: str, body: BaseModel, act: Callable[[Locked], Awaitable[None]]) -> CaseDetail:
    """Do something to a case once, and return the case as it is then.

    Errors: Problem 400 without a key, 428 without a version, 412 where it changed meanwhile, 404; and those of `act`.
    """
    idempotency.require(asking.key)
    version = read_version(asking.if_match)
    now = asking.clock.now()
    tenant = asking.tenant
    digest = _digest(case_id, what, version, body)
    async with asking.database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, asking.key, digest, now)
        if kept is not None:
            detail = CaseDetail.model_validate_json(kept.body)
        else:
            row = await store.lock_row(tx, tenant, case_id)
            if row is None:
                raise not_found("case")
            check_version(row["version"], version, "case")
            await act(Locked(tx, tenant, asking.who, row, now, asking.traceparent))
            detail = await detail_of(tx, tenant, case_id, asking.clock)
            await idempotency.finish(tx, tenant, asking.key, idempotency.Kept(200, None, detail.model_dump_json()))
    asking.response.headers["ETag"] = etag(detail.version)
    return detail


async def require_case(tx: AsyncConnection, tenant: str, case_id: UUID) -> None:
    """Errors: Problem 404."""
    if not await store.has_case(tx, tenant, case_id):
        raise not_found("case")


async def detail_of(tx: AsyncConnection, tenant: str, case_id: UUID, clock: Clock) -> CaseDetail:
    """Return all that is shown of a case. Errors: Problem 404."""
    found = await store.get_case(tx, tenant, case_id)
    if found is None:
        raise not_found("case")
    appeals = await store.appeals_of(tx, tenant, case_id)
    tasks = await tasks_of(tx, tenant, case_id)
    asked = await requests_of(tx, tenant, case_id)
    siblings = await store.siblings_of(tx, tenant, case_id)
    return CaseDetail.build(found[0], found[1], appeals, tasks, asked, siblings, allowed(store.case_of(found[0]), clock.now()))
