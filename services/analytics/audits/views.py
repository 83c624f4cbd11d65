"""What is sent and shown of audits."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common import periods
from libs.common.contracts.words import Action, Category
from libs.common.http.written import Day
from services.analytics.audits.plans import Basis, Dimension, Method, Plan
from services.analytics.audits.results import Finding
from services.analytics.audits.reviewing import ItemState, Question, Verdict
from services.analytics.audits.store import Audit, Item, LabelState, State
from services.analytics.spans import DAYS_MAX, is_too_long

Reviewer = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]  # the subject of a token
Value = Annotated[str, Field(max_length=100)]


class PlanBody(BaseModel):
    """Of which denials, drawn how, how many, reviewed by whom."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reviewers": ["first", "second"], "precision": 0.05, "expected_rate": 0.1}}
    )

    method: Method = "simple"
    reviewers: list[Reviewer] = Field(
        min_length=2,
        max_length=2,
        description="the two people who review every item, each for themselves: the subjects of their tokens",
    )
    seed: str = Field("1", min_length=1, max_length=100, description="another seed draws another sample")
    from_: Day | None = Field(None, alias="from", description="first day, included")
    to: Day | None = Field(None, description="last day, included")
    date_basis: Basis = Field(
        "payment", description="what from and to are days of: the payment, or the day since which the denial is known and stands"
    )
    filter: dict[Dimension, Annotated[list[Value], Field(min_length=1, max_length=50)]] = Field(
        default_factory=dict, description="by dimension, the values of which one has to fit"
    )
    stratify_by: Dimension | None = Field(None, description="of a stratified sample: whose values are drawn from apart")
    confidence: float = Field(0.95, ge=0.8, le=0.99, description="how often an interval so made holds the truth")
    precision: float = Field(0.05, ge=0.01, le=0.3, description="half the width that the interval of the error rate should have")
    expected_rate: float = Field(
        0.5, ge=0.01, le=0.5, description="the error rate that is expected; the nearer to a half, the more items"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.method == "stratified") != (self.stratify_by is not None):
            raise ValueError("stratify_by belongs to a stratified sample, and it needs one")
        if self.reviewers[0] == self.reviewers[1]:
            raise ValueError("the reviewers are two")
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            raise ValueError("from is after to")
        return self

    def to_plan(self) -> Plan:
        first, second = self.reviewers
        told = self.model_dump(exclude={"from_", "to", "filter", "reviewers", "as_of"})
        return Plan(first=self.from_, last=self.to, filters=self.filter, reviewers=(first, second), **told)

    @classmethod
    def of(cls, plan: Plan) -> Self:
        told = msgspec.to_builtins(plan, builtin_types=(date,))
        told["from"], told["to"], told["filter"] = told.pop("first"), told.pop("last"), told.pop("filters")
        del told["former"]
        return cls.model_validate(told)


class AuditBody(PlanBody):
    as_of: Day | None = Field(
        None, description="of the denials that stood on the evening of this day (UTC), as they were known then; left out: today"
    )

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if not periods.is_within(self.from_, self.to):
            raise ValueError(f"a day lies between {periods.FIRST} and {periods.LAST}")
        if is_too_long(self.from_, self.to):
            raise ValueError(f"a period has at most {DAYS_MAX} days")
        return self


class ReassignBody(BaseModel):
    """Who reviews in whose place from now on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reviewer": "second", "successor": "third"}})

    reviewer: Reviewer = Field(description="one of the plan's two")
    successor: Reviewer


class StratumView(BaseModel):
    name: str = Field(description="the value of `stratify_by`; empty where all are drawn from together")
    denials: int
    denied_cents: int
    drawn: int


class AuditView(BaseModel):
    audit_id: UUID
    state: State
    reason: str | None = Field(description="why it failed: population_empty, too_many_strata or population_too_large")
    plan: PlanBody
    former_reviewers: list[str] = Field(description="in whose place another reviews now; what they said counts")
    as_of: date
    is_final: bool = Field(
        description="drawn when all that was told by the evening of as_of was taken in: the same plan draws the same again"
    )
    created_at: datetime
    drawn_at: datetime | None
    denials: int = Field(description="in the population")
    denied_cents: int
    items: int = Field(description="drawn")
    items_final: int = Field(description="of these, agreed or settled")
    strata: list[StratumView]
    schedule_id: UUID | None = Field(description="the schedule that made it")

    @classmethod
    def of(cls, audit: Audit) -> Self:
        told: dict[str, Any] = {name: getattr(audit, name) for name in audit.__struct_fields__}
        is_final = audit.drawn_through is not None and audit.as_of <= audit.drawn_through
        told |= {"plan": PlanBody.of(audit.plan), "is_final": is_final, "strata": msgspec.to_builtins(audit.strata)}
        told["former_reviewers"] = sorted(audit.plan.former)
        told["denials"] = sum(each.denials for each in audit.strata)
        told["denied_cents"] = sum(each.denied_cents for each in audit.strata)
        return cls.model_validate(told)


class VerdictBody(BaseModel):
    """The review form of one item."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"classification_right": True, "code_right": True, "documentation_sufficient": False}},
    )

    classification_right: bool = Field(description="whether category and action are what they should be")
    code_right: bool = Field(description="whether what was billed was coded right")
    documentation_sufficient: bool = Field(description="whether the documents that are there carry the claim")
    category: Category | None = Field(None, description="what it is instead, exactly where the classification is wrong")
    action: Action | None = Field(None, description="what is to be done instead, exactly where the classification is wrong")
    note: str = Field("", max_length=500, description="why; no patient's data")

    @model_validator(mode="after")
    def _check(self) -> Self:
        corrected = self.category is not None and self.action is not None
        if corrected == self.classification_right or (self.category is None) != (self.action is None):
            raise ValueError("category and action are told exactly where the classification is wrong")
        return self

    def to_verdict(self) -> Verdict:
        return Verdict(**self.model_dump())


class ReviewView(BaseModel):
    reviewer: str
    verdict: VerdictBody


class ItemView(BaseModel):
    """One denial of the sample, as it was judged as of the audit's day."""

    item: int = Field(description="its place in the sample, from 1")
    state: ItemState
    denial_id: UUID
    claim_key: UUID
    payer: str
    facility: str
    provider: str
    service_group: str
    category: str
    action: str = Field(description="empty: told before analytics kept it")
    denied_cents: int
    payment_on: date
    stratum: str
    probability: float = Field(description="how likely it was to be drawn")
    reviewed_by: list[str] = Field(description="who has reviewed it")
    reviews: list[ReviewView] = Field(description="what they say; shown once both are in, so that each reviews alone")
    verdict: VerdictBody | None = Field(description="what is held to be so: agreed or settled")
    settled_by: str | None
    label: LabelState = Field(description="whether the classifier was told: none, waiting, sent; refused: it knows no such denial")

    @classmethod
    def of(cls, item: Item, reviews: dict[str, Verdict]) -> Self:
        both = len(reviews) > 1
        shown = [{"reviewer": name, "verdict": _form(verdict)} for name, verdict in sorted(reviews.items()) if both]
        told: dict[str, Any] = {name: getattr(item, name) for name in item.__struct_fields__}
        told |= {name: getattr(item.unit, name) for name in item.unit.__struct_fields__}
        verdict = None if item.verdict is None else _form(item.verdict)
        return cls.model_validate({**told, "reviewed_by": sorted(reviews), "reviews": shown, "verdict": verdict})


def _form(verdict: Verdict) -> dict[str, Any]:
    return msgspec.structs.asdict(verdict)


class ShareView(BaseModel):
    value: float = Field(description="from 0 to 1")
    low: float
    high: float


class EstimateView(BaseModel):
    finding: Finding = Field(description="any: a classification or a code that is wrong")
    errors: int = Field(description="in the sample")
    error_cents: int = Field(description="denied cents of these")
    rate: ShareView | None = Field(description="share of denials in error; null of a dollar-unit sample, which is one of dollars")
    dollar_rate: ShareView = Field(description="share of denied dollars in error")
    dollars_cents: int = Field(description="denied cents of the population's denials in error")
    dollars_low_cents: int
    dollars_high_cents: int


class AgreementView(BaseModel):
    question: Question
    items: int
    agreed: int
    kappa: float | None = Field(description="Cohen's kappa; null where both always gave the same single answer")


class CorrectedView(BaseModel):
    category: str
    action: str = Field(description="empty: told before analytics kept it")
    corrected: str = Field(description="the category that it is; the same, where the action alone was wrong")
    corrected_action: str
    items: int
    denied_cents: int


class ResultsView(BaseModel):
    """Of an audit whose items are all final."""

    audit_id: UUID
    confidence: float = Field(description="of each interval")
    denials: int = Field(description="in the population")
    denied_cents: int
    items: int
    estimates: list[EstimateView]
    agreement: list[AgreementView] = Field(description="of the two reviews as they were before any settlement")
    corrections: list[CorrectedView] = Field(description="the most frequent first")
