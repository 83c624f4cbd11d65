"""A claim as the event says it. Patient data stays behind: no name, no birth date, no member number goes over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from libs.common.contracts.claim_submitted import CheckFinding, ClaimSubmittedV1, SubmittedLine
from libs.x12.claim import Claim, ClaimLine
from services.ingest.checks.finding import Finding
from services.ingest.translation import payer_kind

FINDINGS_MAX: Final = 100
_RENDERING, _PRIOR_AUTHORIZATION, _REFERRAL = "82", "G1", "9F"


def to_event(
    claim: Claim,
    *,
    claim_id: UUID,
    claim_key: UUID,
    interchange_id: UUID | None,
    replaces_claim_id: UUID | None,
    member_reference: str,
    submitted_at: datetime,
    findings: Sequence[CheckFinding] = (),
    coder: str = "",
    linked_at: datetime | None = None,
) -> ClaimSubmittedV1:
    """Say one claim as `claim.submitted` says it; lines keep their numbers, or count from 1 where they have none."""
    rendering = claim.provider(_RENDERING)
    first, last = claim.service_span()
    told = {each.qualifier for each in claim.references if each.value}
    for line in claim.lines:
        if line.references:
            told |= {each.qualifier for each in line.references if each.value}
    return ClaimSubmittedV1(
        claim_id=claim_id,
        claim_key=claim_key,
        patient_control_number=claim.patient_control_number,
        claim_type=claim.claim_type,
        frequency_code=claim.frequency_code,
        charge_cents=claim.charge_cents,
        payer_id=claim.payer.payer_id,
        payer_name=claim.payer.name,
        submitted_at=submitted_at,
        lines=tuple(_line(line, place) for place, line in enumerate(claim.lines, start=1)),
        interchange_id=interchange_id,
        replaces_claim_id=replaces_claim_id,
        original_payer_claim_control_number=claim.original_control_number or None,
        claim_filing_code=claim.subscription.claim_filing_code or None,
        payer_kind=payer_kind(claim.subscription.claim_filing_code),
        payer_sequence=claim.subscription.sequence or None,
        billing_npi=claim.billing_provider.npi or None,
        rendering_npi=(rendering.npi if rendering else "") or None,
        facility_code=claim.facility_code or None,
        diagnosis_codes=tuple(each.code for each in claim.diagnoses),
        service_from_on=first,
        service_to_on=last,
        prior_authorization=_PRIOR_AUTHORIZATION in told,
        referral=_REFERRAL in told,
        member_reference=member_reference,
        findings=tuple(findings),
        coder=coder or None,
        linked_at=linked_at,
    )


def told_findings(findings: Sequence[Finding]) -> tuple[CheckFinding, ...]:
    """Say what checks found as the event says it: by rule, without words, the first 100."""
    first = findings[:FINDINGS_MAX]
    return tuple(CheckFinding(each.rule.rule_id, each.severity, each.rule.carc, each.line) for each in first)


def _line(line: ClaimLine, place: int) -> SubmittedLine:
    rendering = next((each.npi for each in line.providers if each.entity_code == _RENDERING), "") if line.providers else ""
    return SubmittedLine(
        line=line.number or place,
        charge_cents=line.charge_cents,
        procedure_code=line.procedure_code,
        qualifier=line.qualifier,
        modifiers=line.modifiers,
        revenue_code=line.revenue_code or None,
        units=line.units or None,
        place_of_service=line.place_of_service or None,
        service_from_on=line.service_from_on,
        service_to_on=line.service_to_on,
        line_control_number=line.line_control_number or None,
        rendering_npi=rendering or None,
    )
