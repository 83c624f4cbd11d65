"""The shapes of answers about matches, balances and provider adjustments."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.ingest.line_matching import How
from services.ingest.line_matching import Kind as LineKind
from services.ingest.matching import Result
from services.ingest.provider_adjustments import Kind


class DifferenceView(BaseModel):
    """What is not alike."""

    name: str = Field(description="charge, part_of_claim, service_days, payer, account_number, modifier_dropped, line_missing, ...")
    line: int | None = Field(None, description="the remit's line")
    claim_line: int | None = Field(None, description="the claim's line")


class MatchView(BaseModel):
    """Which claim one remit answers."""

    remit_id: UUID
    remittance_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    claim_status_code: str
    payment_on: date
    charge_cents: int
    paid_cents: int
    result: Result
    claim_id: UUID | None
    score: int | None = Field(description="points of the claim; null where none was chosen, or a person chose what had none")
    differences: list[DifferenceView]
    decided_by: Literal["score", "person"]
    decided_at: datetime


class LineMatchView(BaseModel):
    """Which line of the claim an answered line is about."""

    line: int
    kind: LineKind
    claim_line: int | None = None
    how: How | None = None
    differences: list[str] = []


class CandidateView(BaseModel):
    """A claim that the remit may answer, as things stand now."""

    claim_id: UUID
    score: int
    evidence: dict[str, int] = Field(description="points for and against, by name")
    differences: list[DifferenceView]
    lines: list[LineMatchView]


class MatchChange(BaseModel):
    """Who changed a match, when and why."""

    result: Result
    claim_id: UUID | None
    result_before: Result
    claim_id_before: UUID | None
    decided_by: Literal["score", "person"]
    who: str
    why: str = Field(description="claim_came, or what the person wrote")
    at: datetime


class MatchDetail(MatchView):
    candidates: list[CandidateView] = Field(description="the best first")
    history: list[MatchChange]


class DecideMatch(BaseModel):
    """A person's decision. It stays, whatever comes later, until a person decides otherwise."""

    claim_id: UUID | None = Field(description="the claim that the remit answers; null: none of ours")
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="why; no patient data", examples=["The payer's portal shows this claim number."]
    )


class PayerShareView(BaseModel):
    """What one payer did, over its adjudications that stand."""

    payer_id: str
    payer_name: str
    rank: int = Field(description="1 primary, 2 secondary, 3 tertiary")
    charge_cents: int = Field(description="answered by this payer")
    paid_cents: int
    patient_cents: int
    adjusted_by_group: dict[str, int]
    unbalanced_cents: int


class BalanceFinding(BaseModel):
    code: str = Field(description="reversal_without_original, answered_twice")
    remit_id: UUID


class BalanceView(BaseModel):
    """A claim over all its adjudications: charge = paid + adjusted + patient + open, in cents."""

    claim_id: UUID
    also_sent: list[UUID] = Field(description="claims by which the same services went to other payers; counted here, too")
    charge_cents: int
    paid_cents: int
    adjusted_cents: int
    patient_cents: int = Field(description="PR of the last payer that answered the whole claim")
    open_cents: int = Field(description="not answered yet, or neither paid nor explained")
    payers: list[PayerShareView]
    undone: dict[UUID, UUID] = Field(description="adjudication -> the reversal that undoes it, by remit")
    superseded: list[UUID] = Field(description="remits that paid nothing and were answered anew")
    findings: list[BalanceFinding]


class ProviderAdjustmentRow(BaseModel):
    """One PLB pair of a payment. Positive lowers the payment, negative raises it."""

    remittance_id: UUID
    payer_id: str
    payer_name: str
    trace_number: str
    payment_on: date
    provider_id: str
    fiscal_period_on: date | None
    reason_code: str
    kind: Kind
    reference_id: str
    amount_cents: int
    payment_effect_cents: int = Field(description="-amount_cents: what it does to the payment")
    claim_ids: list[UUID] = Field(description="claims that the reference names")
