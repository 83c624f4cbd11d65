"""What analytics reads of each event, and the fact that it tells."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from libs.common.booking import BookedRemit
from libs.common.contracts.envelope import Received
from libs.common.money import Cents
from services.analytics.facts import (
    Answer,
    Claim,
    Closing,
    Decision,
    Denial,
    Filing,
    Followup,
    Match,
    Refused,
    Remit,
    service,
    service_group,
)

_ERROR, _WARNING = "error", "warning"
_DIAGNOSIS_CHARACTERS = 3  # the group of illnesses; what follows tells sides and stages apart


class Line(Struct, frozen=True, gc=False):
    charge_cents: Cents
    procedure_code: str = ""
    revenue_code: str | None = None
    modifiers: Sequence[str] = ()
    original_procedure_code: str | None = None


class Finding(Struct, frozen=True, gc=False):
    severity: str


class SubmittedClaim(Struct, frozen=True, gc=False):
    """What is read of `claim.submitted`."""

    claim_id: UUID
    claim_key: UUID
    frequency_code: str
    charge_cents: Cents
    payer_id: str
    payer_name: str
    submitted_at: datetime
    lines: Sequence[Line]
    replaces_claim_id: UUID | None = None
    payer_sequence: str | None = None
    billing_npi: str | None = None
    rendering_npi: str | None = None
    service_from_on: date | None = None
    findings: Sequence[Finding] = ()
    facility_code: str | None = None
    claim_type: str = ""
    prior_authorization: bool | None = None
    diagnosis_codes: Sequence[str] = ()
    coder: str | None = None
    linked_at: datetime | None = None


class AcknowledgedClaim(Struct, frozen=True, gc=False):
    """What is read of `claim.acknowledged`."""

    acknowledgement_id: UUID
    claim_key: UUID
    status: str
    received_at: datetime
    claim_id: UUID | None = None


class ReceivedRemit(BookedRemit, frozen=True, gc=False):
    """What is read of `remit.received`, beside what the ledger reads."""

    remit_id: UUID
    claim_key: UUID
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    received_at: datetime
    claim_status_code: str
    lines: Sequence[Line] = ()
    service_from_on: date | None = None
    claim_id: UUID | None = None


class MatchedRemit(Struct, frozen=True, gc=False):
    """What is read of `remit.matched`."""

    remit_id: UUID
    claim_key: UUID
    matched_at: datetime
    claim_id: UUID | None = None


class Reason(Struct, frozen=True, gc=False):
    line: int | None = None
    category: str = ""
    carc: str = ""
    amount_cents: Cents = 0
    group_code: str = ""
    rarcs: tuple[str, ...] = ()


class ClassifiedDenial(Struct, frozen=True, gc=False):
    """What is read of `denial.classified`."""

    denial_id: UUID
    remit_id: UUID
    claim_key: UUID
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    status: str
    payer_id: str
    payer_name: str
    payment_on: date
    category: str
    denied_cents: Cents
    classified_at: datetime
    reasons: Sequence[Reason] = ()
    preventable: bool | None = None
    acknowledgement_id: UUID | None = None
    action: str = ""
    confidence: float | None = None


class AppealFiled(Struct, frozen=True, gc=False):
    """What is read of `appeal.filed`."""

    appeal_id: UUID
    denial_id: UUID
    claim_key: UUID
    payer_id: str
    payer_name: str
    action: str
    category: str
    disputed_cents: Cents
    filed_on: date
    filed_at: datetime
    level: str | None = None
    due_on: date | None = None


class AppealDecided(Struct, frozen=True, gc=False):
    """What is read of `appeal.decided`."""

    appeal_id: UUID
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    denial_id: UUID
    claim_key: UUID
    payer_id: str
    payer_name: str
    action: str
    category: str
    outcome: str
    disputed_cents: Cents
    recovered_cents: Cents
    decided_by: str
    decided_on: date
    decided_at: datetime
    level: str | None = None
    filed_on: date | None = None


class ClosedCase(Struct, frozen=True, gc=False):
    """What is read of `case.closed`."""

    case_id: UUID
    denial_id: UUID
    claim_key: UUID
    payer_id: str
    payer_name: str
    category: str
    left_cents: Cents
    closed_on: date
    closed_at: datetime
    closed_as: str = ""


class ChangedFollowup(Struct, frozen=True, gc=False):
    """What is read of `followup.changed`."""

    followup_id: UUID
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    kind: str
    subject_id: UUID
    payer_id: str
    payer_name: str
    amount_cents: Cents
    due_on: date
    status: str
    changed_at: datetime
    claim_key: UUID | None = None
    resolved_by: str = ""


def claim_of(received: Received[SubmittedClaim]) -> Claim:
    told = received.data
    severities = {finding.severity for finding in told.findings}
    submitted_on = _day(told.submitted_at)
    known_on = submitted_on if told.linked_at is None else _day(told.linked_at)
    return Claim(
        claim_id=told.claim_id,
        version=received.sequence,
        known_on=known_on,
        payer_id=told.payer_id,
        charge_cents=told.charge_cents,
        frequency_code=told.frequency_code,
        facility=told.billing_npi or "",
        provider=told.rendering_npi or told.billing_npi or "",
        service_group=service_group(told.lines),
        service_on=told.service_from_on,
        replaces=told.replaces_claim_id,
        is_secondary=told.payer_sequence not in (None, "P"),
        has_error=_ERROR in severities,
        has_warning=_WARNING in severities,
        place=told.facility_code or "",
        claim_type=told.claim_type,
        authorization=told.prior_authorization,
        diagnosis=told.diagnosis_codes[0][:_DIAGNOSIS_CHARACTERS] if told.diagnosis_codes else "",
        services=tuple(map(service, told.lines)),
        coder=told.coder or "",
        submitted_on=submitted_on if submitted_on != known_on else None,
    )


def answer_of(received: Received[AcknowledgedClaim]) -> Answer:
    told = received.data
    return Answer(told.acknowledgement_id, received.sequence, _day(told.received_at), told.status, told.claim_id)


def remit_of(received: Received[ReceivedRemit]) -> Remit:
    told = received.data
    return Remit(
        told.remit_id,
        _day(told.received_at),
        told.payer_id,
        told.payment_on,
        told.claim_status_code,
        told.charge_cents,
        told.paid_cents,
        len(told.lines),
        told.payer_claim_control_number,
        service_group(told.lines),
        told.service_from_on,
        told.claim_id,
        tuple(map(service, told.lines)),
    )


def match_of(received: Received[MatchedRemit]) -> Match:
    told = received.data
    return Match(told.remit_id, received.sequence, _day(told.matched_at), told.claim_id)


def denial_of(received: Received[ClassifiedDenial]) -> Denial:
    told = received.data
    lines = {reason.line for reason in told.reasons}
    return Denial(
        denial_id=told.denial_id,
        remit_id=told.remit_id,
        version=told.revision,
        known_on=_day(told.classified_at),
        is_active=told.status == "active",
        payer_id=told.payer_id,
        payment_on=told.payment_on,
        category=told.category,
        denied_cents=told.denied_cents,
        lines=0 if None in lines else len(lines),
        preventable=told.preventable,
        reasons=tuple(
            Refused(each.line or 0, each.category, each.carc, each.amount_cents, each.group_code, each.rarcs)
            for each in told.reasons
        ),
        action=told.action,
        confidence=told.confidence,
    )


def filing_of(received: Received[AppealFiled]) -> Filing:
    told = received.data
    return Filing(
        told.appeal_id,
        told.denial_id,
        _day(told.filed_at),
        told.action,
        told.payer_id,
        told.category,
        told.disputed_cents,
        told.filed_on,
        told.level or "",
        told.due_on,
    )


def decision_of(received: Received[AppealDecided]) -> Decision:
    told = received.data
    return Decision(
        told.appeal_id,
        told.denial_id,
        told.revision,
        _day(told.decided_at),
        told.action,
        told.payer_id,
        told.category,
        told.outcome,
        told.disputed_cents,
        told.recovered_cents,
        told.decided_on,
        told.decided_by == "remittance",
        told.level or "",
        told.filed_on,
    )


def closing_of(received: Received[ClosedCase]) -> Closing:
    told = received.data
    return Closing(
        told.case_id,
        told.denial_id,
        received.sequence,
        _day(told.closed_at),
        told.payer_id,
        told.category,
        told.closed_on,
        told.left_cents,
        told.closed_as,
    )


def followup_of(received: Received[ChangedFollowup]) -> Followup:
    told = received.data
    return Followup(
        told.followup_id,
        told.revision,
        _day(told.changed_at),
        told.kind,
        told.subject_id,
        told.payer_id,
        told.amount_cents,
        told.due_on,
        is_open=told.status == "open",
        is_gone=told.resolved_by == "system",
    )


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
