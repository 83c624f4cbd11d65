"""What is known of a claim before it is sent: the narrow event, and the row that learning keeps of it. Pure.

Nothing of a patient is read: no name, no member, no account number; of a diagnosis its category (three characters). Nothing that
came after submission is here: answers are kept apart (store.py).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.money import CENTS_MAX, Cents

_DIAGNOSIS_CHARACTERS: Final = 3
_DIAGNOSES_MAX, _LINES_MAX, _FINDINGS_MAX, _MODIFIERS_MAX = 12, 200, 40, 4
_TEXT_MAX: Final = 80
_LINE_NUMBER_MAX: Final = 1_000_000
VOID: Final = "8"


class Finding(Struct, frozen=True, gc=False):
    rule: str
    severity: str
    line: int | None = None


class SubmittedLine(Struct, frozen=True, gc=False):
    line: int
    charge_cents: int
    procedure_code: str = ""
    modifiers: tuple[str, ...] = ()
    revenue_code: str | None = None


class SubmittedClaim(Struct, frozen=True, gc=False):
    """What the classifier reads of `claim.submitted`, and of a claim that it is asked about."""

    claim_id: UUID
    claim_key: UUID
    claim_type: str
    frequency_code: str
    charge_cents: Cents
    payer_id: str
    submitted_at: datetime
    lines: tuple[SubmittedLine, ...]
    replaces_claim_id: UUID | None = None
    payer_kind: str | None = None
    payer_sequence: str | None = None
    billing_npi: str | None = None
    rendering_npi: str | None = None
    facility_code: str | None = None
    diagnosis_codes: tuple[str, ...] = ()
    service_from_on: date | None = None
    service_to_on: date | None = None
    prior_authorization: bool | None = None
    referral: bool | None = None
    findings: tuple[Finding, ...] = ()


class Line(Struct, frozen=True, gc=False, array_like=True):
    number: int
    procedure: str  # the revenue code where there is none
    modifiers: tuple[str, ...]
    charge_cents: int


class Submission(Struct, frozen=True, gc=False, array_like=True):
    """A claim as it is learned from. New fields come last, with a default: older rows lack them."""

    payer_id: str
    payer_kind: str
    claim_type: str
    frequency_code: str
    payer_sequence: str
    facility_code: str
    provider_npi: str
    diagnoses: tuple[str, ...]
    authorization: bool | None
    referral: bool | None
    served_on: date | None  # the last day of service
    charge_cents: int
    lines: tuple[Line, ...]
    findings: tuple[tuple[str, str, int | None], ...]  # rule, severity, line


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Submission).decode


def submission_of(claim: SubmittedClaim | ClaimSubmittedV1) -> Submission:
    """Return what is learned of a claim: long lists and texts are cut, so that no claim makes a row of any size, nor any number."""
    return Submission(
        payer_id=claim.payer_id[:_TEXT_MAX],
        payer_kind=(claim.payer_kind or "")[:_TEXT_MAX],
        claim_type=claim.claim_type[:_TEXT_MAX],
        frequency_code=claim.frequency_code[:_TEXT_MAX],
        payer_sequence=(claim.payer_sequence or "")[:_TEXT_MAX],
        facility_code=(claim.facility_code or "")[:_TEXT_MAX],
        provider_npi=(claim.rendering_npi or claim.billing_npi or "")[:_TEXT_MAX],
        diagnoses=_categories(claim.diagnosis_codes),
        authorization=claim.prior_authorization,
        referral=claim.referral,
        served_on=claim.service_to_on or claim.service_from_on,
        charge_cents=_bounded(claim.charge_cents, CENTS_MAX),
        lines=tuple(
            Line(
                _bounded(each.line, _LINE_NUMBER_MAX),
                (each.procedure_code or each.revenue_code or "")[:_TEXT_MAX],
                tuple(modifier[:_TEXT_MAX] for modifier in each.modifiers[:_MODIFIERS_MAX]),
                _bounded(each.charge_cents, CENTS_MAX),
            )
            for each in claim.lines[:_LINES_MAX]
        ),
        findings=tuple((each.rule[:_TEXT_MAX], each.severity[:_TEXT_MAX], each.line) for each in claim.findings[:_FINDINGS_MAX]),
    )


def _bounded(number: int, most: int) -> int:
    return max(-most, min(most, number))


def _categories(codes: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code[:_DIAGNOSIS_CHARACTERS] for code in codes[:_DIAGNOSES_MAX]))


class Outcome(Struct, frozen=True, gc=False):
    """How a claim was answered first. `lines` are the denied ones where the payer named them; none: the whole claim."""

    answered_on: date
    denied: bool
    category: str | None = None
    lines: frozenset[int] = frozenset()


class Lesson(Struct, frozen=True, gc=False):
    """One claim and its first answer. `group` is the account: what is sent again for it belongs together."""

    group: UUID
    submitted_on: date
    submission: Submission
    outcome: Outcome


def placed(lesson: Lesson) -> tuple[date, int | None]:
    """Return the day on which a claim stands in time, and its days from service to submission, None where unknown.

    A claim that was taken in after its answer (old files, sent to learn from) stands where it was served: when it was sent is not
    known. It must not stand where its answer, or those of its neighbours, were known already.
    """
    served_on, outcome = lesson.submission.served_on, lesson.outcome
    if lesson.submitted_on <= outcome.answered_on:
        return lesson.submitted_on, days_to_submission(lesson.submission, lesson.submitted_on)
    return (served_on if served_on is not None and served_on <= outcome.answered_on else outcome.answered_on), None


def days_to_submission(submission: Submission, submitted_on: date) -> int | None:
    """Return how long after the service a claim is sent; None where nobody knows, or it would be before."""
    if submission.served_on is None or submission.served_on > submitted_on:
        return None
    return (submitted_on - submission.served_on).days
