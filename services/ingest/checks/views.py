"""The shapes of what a check answers."""

from collections.abc import Sequence
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.contracts.risk import ClaimRisk
from libs.x12 import Claim
from libs.x12.claim import ClaimType
from services.ingest.checks.finding import Finding
from services.ingest.checks.paths import element_of, pointer_of
from services.ingest.checks.risk import Reason, Risk
from services.ingest.views import FindingView


class RuleFindingView(BaseModel):
    """What one rule found, where, why it matters and how to correct it. No value of the claim is repeated."""

    rule: str = Field(description="stable, such as ID-NPI-CHECKDIGIT")
    severity: Literal["error", "warning", "info"] = Field(description="error will be denied or rejected, warning likely")
    message: str = Field(description="what was found")
    why: str = Field(description="why it matters")
    correct: str = Field(description="how to correct it")
    carc: str | None = Field(description="by which adjustment reason a payer would refuse it; null: rejected before that")
    path: str = Field(description="where in the claim, places counted from 0: lines[2].procedure_code")
    pointer: str = Field(description="the same as JSON pointer in the claim's JSON")
    loop: str = Field(description="the same in an 837: the loop")
    element: str = Field(description="and the element in it")
    line: int | None = Field(description="the line's own number (LX01)")

    @classmethod
    def of(cls, finding: Finding, claim_type: ClaimType) -> Self:
        rule, place = finding.rule, element_of(finding.path, claim_type)
        return cls(
            rule=rule.rule_id,
            severity=rule.severity,
            message=finding.found,
            why=rule.why,
            correct=rule.correct,
            carc=rule.carc,
            path=finding.path,
            pointer=pointer_of(finding.path),
            loop=place.loop,
            element=place.element,
            line=finding.line,
        )


class RiskView(BaseModel):
    """Whether what was learned from earlier denials could be asked; a check never fails or waits for want of it."""

    status: Literal["available", "unavailable"]
    reason: Reason | None = Field(description="of `unavailable`: why; such as timeout or circuit_open")
    model: str | None = Field(description="name and version of what judged")

    @classmethod
    def of(cls, risk: Risk) -> Self:
        return cls(status="unavailable" if risk.reason else "available", reason=risk.reason, model=risk.model)


class LineRiskView(BaseModel):
    """How likely the payer denies one service line."""

    line: int = Field(description="the line's number in the claim")
    probability: float = Field(description="0 to 1")


class ClaimRiskView(BaseModel):
    """How likely the payer denies a claim, as learned from earlier ones."""

    probability: float = Field(description="0 to 1: that it denies the claim or a part of it")
    category: str | None = Field(description="the likeliest category of such a denial")
    reasons: list[str] = Field(description="what speaks for it, at most three, the strongest first")
    lines: list[LineRiskView] = Field(description="where its lines differ: those at the highest risk, at most ten")


class CheckedClaimView(BaseModel):
    """One claim that was checked; `clean` when nothing but remarks (info) was found."""

    claim_id: UUID = Field(description="the id that it has, or will have when it is sent")
    patient_control_number: str
    ordinal: int = Field(description="its place in the request, from 1")
    segment_index: int | None = Field(description="of an 837: where its CLM stands, from 1")
    byte_offset: int | None = Field(description="of an 837: the same in bytes, from 0")
    verdict: Literal["error", "warning", "clean"]
    findings: list[RuleFindingView] = Field(description="errors first")
    risk: ClaimRiskView | None = Field(description="null where nothing learned could be asked")

    @classmethod
    def of(cls, claim: Claim, claim_id: UUID, ordinal: int, findings: Sequence[Finding], risk: ClaimRisk | None) -> Self:
        severities = {each.severity for each in findings}
        in_file = claim.segment_index > 0
        return cls(
            claim_id=claim_id,
            patient_control_number=claim.patient_control_number,
            ordinal=ordinal,
            segment_index=claim.segment_index if in_file else None,
            byte_offset=claim.byte_offset if in_file else None,
            verdict="error" if "error" in severities else "warning" if "warning" in severities else "clean",
            findings=[RuleFindingView.of(each, claim.claim_type) for each in findings],
            risk=None if risk is None else ClaimRiskView.model_validate(risk, from_attributes=True),
        )


class CheckView(BaseModel):
    """What checks found; nothing was stored."""

    claims: list[CheckedClaimView]
    risk: RiskView
    not_loaded: list[str] = Field(description="reference tables of which nothing is loaded: what needs them was not checked")
    reading: list[FindingView] = Field(description="of an 837: what was irregular in the file itself")
