"""The shapes of ingest's answers about claims."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import structs
from pydantic import BaseModel, Field

from libs.common.http.problems import FieldProblem
from services.ingest.checks.finding import Finding
from services.ingest.checks.views import RuleFindingView
from services.ingest.kept import diagnoses_of, lines_of

State = Literal["submitted", "received", "accepted", "rejected"]


class ClaimView(BaseModel):
    """One claim as it was sent, without patient data; `/content` has it whole."""

    claim_id: UUID
    claim_key: UUID
    patient_control_number: str
    claim_type: Literal["professional", "institutional", "dental"]
    frequency_code: str = Field(description="1 original, 7 replacement, 8 void")
    state: State
    charge_cents: int
    payer_id: str
    payer_name: str
    payer_kind: str
    claim_filing_code: str
    payer_sequence: str
    billing_npi: str
    rendering_npi: str
    facility_code: str
    service_from_on: date | None
    service_to_on: date | None
    payer_claim_control_number: str = Field(description="the payer's number, once an answer told it; else empty")
    original_payer_claim_control_number: str = Field(description="REF*F8 of a replacement or void")
    replaces_claim_id: UUID | None = Field(description="the claim whose place it takes")
    interchange_id: UUID | None = Field(description="the file that brought it last; null where it came as JSON")
    submitted_at: datetime
    coder: str = Field(description="who coded it, as the sender told it with the JSON; else empty")


class ClaimLineView(BaseModel):
    line: int
    procedure_code: str
    modifiers: list[str]
    revenue_code: str
    units: str
    charge_cents: int
    service_from_on: date | None
    service_to_on: date | None
    line_control_number: str
    diagnoses: list[str] = Field(description="those of the claim that the line points to, in its order")


class ClaimStepView(BaseModel):
    """One step of a claim's life."""

    at: datetime
    why: Literal["submitted", "acknowledged", "answer_moved", "replaced", "voided"] = Field(
        description="answer_moved: an answer that seemed to be to this claim is to another one of the account"
    )
    state: State | None = Field(description="the state that followed; null where it stayed")
    cause_id: UUID | None = Field(description="the acknowledgement, or the claim that takes its place")


class StatusView(BaseModel):
    category: str
    code: str
    entity: str | None = None
    line: int | None = None
    line_control_number: str | None = None


class AcknowledgementView(BaseModel):
    acknowledgement_id: UUID
    source: Literal["999", "277CA", "277"]
    verdict: Literal["received", "accepted", "rejected"]
    acknowledged_on: date
    received_at: datetime
    interchange_id: UUID
    payer_claim_control_number: str
    statuses: list[StatusView]


class ClaimDetail(ClaimView):
    replaced_by_claim_id: UUID | None = Field(description="the latest claim that takes its place")
    diagnoses: list[str] = Field(description="in order, the principal one first; without dots")
    lines: list[ClaimLineView]
    history: list[ClaimStepView] = Field(description="oldest first")
    acknowledgements: list[AcknowledgementView] = Field(description="oldest first")
    remit_ids: list[UUID] = Field(description="the remits that answer it, reversals too, as they came: the first 100")
    findings: list[RuleFindingView] = Field(description="what checks found when the claim came in, errors first")

    @classmethod
    def build(
        cls,
        row: Mapping[Any, Any],
        history: Sequence[Mapping[Any, Any]],
        acknowledgements: Sequence[Mapping[Any, Any]],
        answers: Sequence[Mapping[Any, Any]],
        findings: Sequence[Finding],
    ) -> "ClaimDetail":
        submitted = {"at": row["submitted_at"], "why": "submitted", "state": "submitted", "cause_id": None}
        diagnoses, pointed = diagnoses_of(row["content"])
        lines = zip(lines_of(row["content"]), pointed, strict=True)
        return cls.model_validate(
            {
                **row,
                "diagnoses": diagnoses,
                "lines": [{**structs.asdict(line), "diagnoses": codes} for line, codes in lines],
                "history": [submitted, *map(dict, history)],
                "acknowledgements": [dict(each) for each in acknowledgements],
                "remit_ids": [each["remit_id"] for each in answers],
                "findings": [RuleFindingView.of(each, row["claim_type"]) for each in findings],
            }
        )


class BatchAnswer(BaseModel):
    """The answer to one line of a batch."""

    line: int = Field(description="of the body, from 1")
    status: Literal["new", "known", "invalid", "unavailable"] = Field(
        description="known: this claim was here; invalid: nothing was stored; unavailable: send this line again later"
    )
    claim_id: UUID | None = None
    errors: list[FieldProblem] | None = None
