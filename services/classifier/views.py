"""How judgements and denials are shown over HTTP."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field

from libs.common.contracts.denial_classified import Deadline
from libs.common.contracts.words import Action, Category
from services.classifier.odds.book import Told
from services.classifier.odds.outcomes import KeptDenial

Kind = Literal["hard", "soft", "not_denial", "rejection"]


class ReasonView(BaseModel):
    line: int | None = Field(None, description="1-based service line; null at claim level")
    group_code: str
    carc: str
    rarcs: list[str]
    amount_cents: int
    category: Category


class DeadlineView(BaseModel):
    """The last day for something, and why it is that day."""

    due_on: date
    rule: str = Field(description="the limit's name; `tenant:...` where a rule of yours sets it")
    source: str = Field(description="where the limit stands")
    trigger: Literal["payment_on", "service_from_on", "service_to_on"] = Field(description="what it is counted from")
    trigger_on: date
    firm: bool = Field(description="false: a state or a contract may set an earlier day")


class Judged(BaseModel):
    """What a claim was judged to be."""

    category: Category
    kind: Kind
    action: Action
    alternative_actions: list[Action]
    preventable: bool | None = None
    denied_cents: int
    reasons: list[ReasonView]
    core_scenario: str | None = None
    explanation: str = Field(description="one or two sentences: how much, where, what the payer says, what to do")
    explanation_fr: str | None = Field(None, description="the same in French; null of a denial judged before it was written")
    rules: list[str]
    confidence: float
    appeal_by: DeadlineView | None = Field(None, description="until when to appeal; null: no appeal is open, or unknown")
    correct_by: DeadlineView | None = Field(
        None, description="until when to send a corrected claim; null: that way is not open, or unknown"
    )
    rule_version: str | None = Field(
        None,
        description="what judged it: edition of our own rules, dot, version of yours (0: none); null of rejections",
    )


class OddsView(BaseModel):
    """How likely it is that contesting a denial brings something."""

    probability: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1, description="of the 90 % interval")
    high: float = Field(ge=0, le=1)
    outcomes: int = Field(description="contested denials that the basis rests on; where it is published rates, all there are")
    basis: Literal["payer_carc", "payer_category", "payer", "carc", "category", "level", "published", "model"] = Field(
        description="the most exact thing with enough outcomes to speak of; `published`: rates that others published"
    )
    enough: bool = Field(description="false: too few outcomes of this payer or code to say; the number is mostly what others saw")
    version: str = Field(description="what tells it, by kind and version")

    @classmethod
    def of(cls, told: Told) -> "OddsView":
        return cls.model_validate(msgspec.structs.asdict(told.odds) | {"version": told.version})


class DenialView(Judged):
    denial_id: UUID
    revision: int
    status: Literal["active", "retracted"]
    recoverable: bool
    remit_id: UUID
    remittance_id: UUID
    claim_key: UUID
    claim_id: UUID | None = None
    acknowledgement_id: UUID | None = Field(None, description="of kind rejection: the answer that rejected the claim")
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payer_kind: str | None = Field(None, description="medicare, medicare_advantage, medicaid, commercial, ...; null: not known")
    payment_on: date
    service_from_on: date | None = None
    charge_cents: int
    paid_cents: int
    classified_at: datetime
    odds: OddsView | None = Field(
        description="of contesting it, as they are now; null: nothing to contest with this payer, or taken back"
    )
    expected_value_cents: int | None = Field(description="what a win usually brings, times the odds; null as the odds are")

    @classmethod
    def of(cls, kept: KeptDenial, now: Told | None) -> "DenialView":
        denial = kept.denial
        told = msgspec.structs.asdict(denial) | {"reasons": [reason_view(reason) for reason in denial.reasons]}
        now = now if denial.status == "active" else None
        told["odds"] = OddsView.of(now) if now is not None else None
        told["expected_value_cents"] = now.expected_value_cents if now is not None else None
        return cls.model_validate(told | {name: deadline_view(told[name]) for name in ("appeal_by", "correct_by")})


def deadline_view(deadline: Deadline | None) -> DeadlineView | None:
    return None if deadline is None else DeadlineView.model_validate(msgspec.structs.asdict(deadline))


def reason_view(reason: Any) -> ReasonView:
    return ReasonView(
        line=reason.line,
        group_code=reason.group_code,
        carc=reason.carc,
        rarcs=list(reason.rarcs),
        amount_cents=reason.amount_cents,
        category=reason.category,
    )
