"""Root causes as HTTP tells them."""

from collections.abc import Mapping
from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.analytics.causes import naming
from services.analytics.causes.findings import Finding, Rate
from services.analytics.causes.prevention import Kind, Why, suggested, unsaid
from services.analytics.causes.words import sentence, sentence_fr

Dimension = Literal[
    "payer", "facility", "provider", "place", "claim_type", "authorization", "diagnosis", "coder", "procedure", "modifier"
]  # fmt: skip


class ConditionView(BaseModel):
    dimension: Dimension
    value: str = Field(description="as claims and remittances write it; `none`: no modifier, no authorization number")
    label: str | None = Field(None, description="the payer's name")


class LinesView(BaseModel):
    """How many service lines are refused for the category."""

    lines: int
    refused: int
    rate: float | None = Field(description="refused / lines; null: there are none")
    low: float = Field(description="the rate's 95 % interval (Wilson)")
    high: float


class CodeView(BaseModel):
    carc: str = Field(description="claim adjustment reason code; empty: not told")
    lines: int


class OnlyView(BaseModel):
    """The lines that a rule is about, beside its codes."""

    modifiers: list[str] = []
    rendering_npis: list[str] = []
    billing_npis: list[str] = []
    facility_codes: list[str] = []
    claim_types: list[str] = []
    diagnosis_prefixes: list[str] = []


class PayerRuleView(BaseModel):
    """As ingest takes it: PUT /v1/payers/{payer_id}/rules."""

    kind: Kind
    effective_from: date
    procedure_codes: list[str] = []
    revenue_codes: list[str] = []
    only: OnlyView | None = None


class RootCauseView(BaseModel):
    """One combination that is refused, for one category, more than the rest explains."""

    root_cause_id: str = Field(description="what it is about, opaque; the same in every period")
    sentence: str
    sentence_fr: str
    category: str
    conditions: list[ConditionView]
    claims: int = Field(description="refused claims since it began")
    denied_cents: int = Field(description="what was refused of them for the category, on lines beside those that it is about too")
    excess_cents: int = Field(description="of that, what is beyond the expected rate: what is at stake")
    began_on: date | None = Field(description="payment day from which the rate is higher; null: from the first day of the period")
    ended_on: date | None = Field(description="payment day from which it is not any more; null: it has not ended")
    now: LinesView = Field(description="from began_on to before ended_on")
    before: LinesView = Field(description="the same lines outside of that; without lines where there is no outside")
    rest: LinesView = Field(description="all other lines of the period")
    expected_rate: float = Field(description="the rate of the most demanding comparison: the rest, or the rest of a wider group")
    ratio: float | None = Field(description="rate now / expected rate; null: nothing was expected")
    effect_size: float = Field(description="Cohen's h of the two: 0.2 is small, 0.5 medium, 0.8 large")
    p_value: float = Field(description="Fisher's exact test, one-sided, against every comparison: the largest")
    q_value: float = Field(description="after Benjamini and Hochberg, over all groups that were looked at")
    carcs: list[CodeView] = Field(description="which codes say so, at most five")
    suggested_rule: PayerRuleView | None = Field(
        description="the payer's rule that would have warned of it, from today on, with all its conditions; POST `/rule` tries it;"
        " null: no rule says it"
    )
    no_rule_because: Why | None = Field(
        description="why a payer's rules cannot say it: it names no payer, or nothing but the payer; it is about a coder, or about"
        " whether an authorization is named beside something else; null: they can"
    )


class RootCausesView(BaseModel):
    from_: date = Field(alias="from")
    to: date
    lines: int = Field(description="service lines at their first answer that were searched")
    claims: int
    items: list[RootCauseView] = Field(description="those that cost most first")


class CauseClaimView(BaseModel):
    """One refused claim behind a root cause."""

    payment_on: date
    claim_key: UUID = Field(description="routes: the account")
    claim_id: UUID | None = Field(description="ask ingest: GET /v1/claims/{claim_id}; null: the claim is not known")
    denial_id: UUID | None = Field(description="ask the classifier: GET /v1/denials/{denial_id}")
    denied_cents: int = Field(description="of all its lines that are refused for the cause's category")
    services: list[str] = Field(description="procedure and modifiers, set apart by colons")
    carcs: list[str]


def view(finding: Finding, names: Mapping[str, str], today: date) -> RootCauseView:
    rule = suggested(finding.named, today)
    return RootCauseView(
        root_cause_id=naming.write(finding.named),
        sentence=sentence(finding, names),
        sentence_fr=sentence_fr(finding, names),
        category=finding.named.category,
        conditions=[condition(name, value, names) for name, value in finding.named.conditions],
        claims=finding.claims,
        denied_cents=finding.denied_cents,
        excess_cents=finding.excess_cents,
        began_on=finding.began_on,
        ended_on=finding.ended_on,
        now=lines(finding.now),
        before=lines(finding.before),
        rest=lines(finding.rest),
        expected_rate=finding.expected_rate,
        ratio=finding.ratio,
        effect_size=finding.effect,
        p_value=finding.p,
        q_value=finding.q,
        carcs=[CodeView(carc=carc, lines=count) for carc, count in finding.carcs],
        suggested_rule=None if rule is None else PayerRuleView.model_validate(rule),
        no_rule_because=unsaid(finding.named),
    )


def condition(name: str, value: str, names: Mapping[str, str]) -> ConditionView:
    label = names.get(value) if name == "payer" else None
    return ConditionView.model_validate({"dimension": name, "value": value, "label": label})


def lines(rate: Rate) -> LinesView:
    return LinesView(lines=rate.lines, refused=rate.refused, rate=rate.rate, low=rate.low, high=rate.high)
