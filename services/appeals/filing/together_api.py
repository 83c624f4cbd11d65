"""Filing the cases of a submission by one request: one decision, each case in a transaction of its own."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, TraceDep, WhoDep
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from services.appeals import store as cases
from services.appeals.changing import Locked
from services.appeals.filing import store
from services.appeals.filing.api import file, require_channel
from services.appeals.filing.channels import SENT_BY_RECOURS
from services.appeals.filing.views import FileCase, FileTogether
from services.appeals.letters import packet_store
from services.appeals.worklist import submissions

router = APIRouter(tags=["worklist"])

AT_ONCE = 200


class NotFiled(BaseModel):
    """A case that was left as it is."""

    case_id: UUID
    reason: str = Field(description="the last word of the problem's type, as filing the case alone would tell it")
    detail: str


class FiledTogether(BaseModel):
    submission_id: UUID
    filed: int = Field(description="cases that went by this request")
    before: int = Field(description="cases that had gone already, in this submission and with this action and level")
    left: int = Field(description="cases behind those that this request came to")
    next_after: UUID | None = Field(description="where cases are left: the `after` of the request that comes to them")
    refused: list[NotFiled]


@router.post(
    "/v1/submissions/{submission_id}/file",
    summary="File the cases of a submission",
    responses=responses(404, 409, 415, 422),
)
async def file_submission(
    request: Request,
    submission_id: UUID,
    body: FileTogether,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    traceparent: TraceDep,
) -> FiledTogether:
    """Up to 200 cases a request. By `folder` and `https` each goes with the packet that was built for it last; sent otherwise, all
    may have one tracking number and one packet. A case that went in this submission is not filed again: whatever breaks a request
    off, the same again goes on, so that no Idempotency-Key is needed. It tries refused cases again, too: `after` goes past them.
    """
    require_channel(request, body.channel)
    async with database.begin(tenant) as tx:
        if await submissions.get(tx, tenant, submission_id) is None:
            raise not_found("submission")
        waiting, before = await store.of_submission(tx, tenant, submission_id, body.action, body.level)
    waiting = [case_id for case_id in waiting if body.after is None or case_id > body.after]
    filed, refused = 0, list[NotFiled]()
    for case_id in waiting[:AT_ONCE]:
        try:
            filed += await _file(database, tenant, who, case_id, submission_id, body, clock, traceparent)
        except Problem as problem:
            refused.append(NotFiled(case_id=case_id, reason=problem.name, detail=problem.detail))
    left = max(len(waiting) - AT_ONCE, 0)
    next_after = waiting[AT_ONCE - 1] if left else None
    return FiledTogether(submission_id=submission_id, filed=filed, before=before, left=left, next_after=next_after, refused=refused)


async def _file(
    database: Database,
    tenant: str,
    who: str,
    case_id: UUID,
    submission_id: UUID,
    body: FileTogether,
    clock: Clock,
    traceparent: str,
) -> bool:
    """File one case; False where another request was faster. Errors: Problem, as for a case alone."""
    async with database.begin(tenant) as tx:
        row = await cases.lock_row(tx, tenant, case_id)
        waiting, _ = await store.of_submission(tx, tenant, submission_id, body.action, body.level, case_id)
        if row is None or not waiting:
            return False
        told = body.model_dump(exclude={"after"}, exclude_none=True)
        if body.channel in SENT_BY_RECOURS:
            packets = await packet_store.list_of_case(tx, tenant, case_id)
            ready = [each for each in packets if each["state"] == "ready" and each["forgotten_at"] is None]
            if not ready:
                raise Problem(409, "packet-not-ready", "No packet was built for this case: build it first.")
            told["packet_id"] = ready[0]["packet_id"]
        locked = Locked(tx, tenant, who, row, clock.now(), traceparent)
        await file(FileCase.model_validate(told), locked, submission_id=submission_id)
    return True
