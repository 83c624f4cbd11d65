"""Outcomes over HTTP: what a person read in a payer's letter."""

from functools import partial
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from libs.common.contracts import appeal_decided
from libs.common.contracts.envelope import first_event
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from libs.common.messaging import outbox
from libs.common.people import SYSTEM
from services.appeals.changing import AskingDep, Locked, change
from services.appeals.filing.views import Day, Number
from services.appeals.outcomes import store
from services.appeals.outcomes.attribution import Said
from services.appeals.outcomes.settling import appeal_id, settle_accounts
from services.appeals.outcomes.store import Decision
from services.appeals.views import CaseDetail, Why

router = APIRouter(tags=["cases"])


class RecordOutcome(BaseModel):
    """How the payer decided what was filed last, as its letter says."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"outcome": "upheld", "decided_on": "2026-03-02", "why": "The letter says so."}]},
    )

    outcome: Literal["overturned", "partly_overturned", "upheld"]
    decided_on: Day = Field(description="the day of the payer's letter")
    reference: Number | None = Field(None, description="what the payer calls its decision")
    why: Why = Field(description="kept in the history; no patient data")


@router.post(
    "/v1/cases/{case_id}/outcome",
    summary="Record how the payer decided",
    responses=responses(400, 404, 409, 412, 415, 422, 428),
)
async def record_outcome(case_id: UUID, body: RecordOutcome, asking: AskingDep) -> CaseDetail:
    """What was recovered is read from remittances alone, so that no cent is counted twice; once they say more, they count.
    `appeal.decided` tells of what changes.
    """
    return await change(asking, case_id, "record_outcome", body, partial(_record, body))


async def _record(body: RecordOutcome, locked: Locked) -> None:
    row, tenant = locked.row, locked.tenant
    account = (tenant, row["claim_key"])
    known = (await store.known_of(locked.tx, [account])).get(account) or store.Known([], [], {})
    filed = [each for each in known.filings if each["case_id"] == row["case_id"]]
    if body.decided_on > locked.now.date() or (filed and body.decided_on < filed[-1]["filed_on"]):
        raise Problem(422, "bad-decision-day", "`decided_on` must lie between the filing and today.")
    if not filed and body.outcome == "upheld":
        raise Problem(409, "step-refused", "Nothing was filed that could be upheld.", reason="not-allowed")
    about = appeal_id(row["case_id"], len(filed))
    before = known.decisions.get(about) or Decision(about, row["case_id"], row["claim_key"])
    said = Said(body.outcome, body.decided_on, locked.now)
    decision = replace(before, said=said, said_by=locked.who, said_reference=body.reference)
    await store.save_decisions(locked.tx, [(tenant, decision)])
    await tell_settled(locked, locked.who, body.why)


async def tell_settled(locked: Locked, who: str = SYSTEM, why: str = "remittance") -> None:
    """Decide what a case's account comes to now, and tell of it."""
    told = await settle_accounts(locked.tx, [(locked.tenant, locked.row["claim_key"])], locked.now, who, why)
    events = [
        first_event(
            appeal_decided.TOPIC,
            appeal_decided.TYPE,
            each.data,
            key=locked.row["claim_key"],
            tenant_id=locked.tenant,
            sequence=each.sequence,
            correlation_id=str(each.data.case_id),
            traceparent=locked.traceparent,
        )
        for each in told
    ]
    await outbox.append(locked.tx, events)
