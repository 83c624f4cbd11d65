"""`claim.submitted`: one claim as a provider sent it, by 837 or as JSON.

`claim_id` names the content: the same claim sent twice is one claim and one event; a replacement or void is another claim that
names the one before it. Money is integer cents. No name, address, birth date or member number: `member_reference` is a keyed
hash that only this tenant's claims share.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

TOPIC = "claim.submitted"
TYPE = "recours.claim.submitted.v1"


class SubmittedLine(Struct, frozen=True, gc=False, omit_defaults=True):
    """One service line, by its number in the claim."""

    line: int
    charge_cents: int
    procedure_code: str = ""
    qualifier: str = ""
    modifiers: tuple[str, ...] = ()
    revenue_code: str | None = None
    units: str | None = None
    place_of_service: str | None = None
    service_from_on: date | None = None
    service_to_on: date | None = None
    line_control_number: str | None = None
    rendering_npi: str | None = None


class CheckFinding(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the check found when the claim came in: `error` will be denied, `warning` likely, `info`."""

    rule: str
    severity: Literal["error", "warning", "info"]
    carc: str | None = None
    line: int | None = None


class ClaimSubmittedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """The data of `recours.claim.submitted.v1`. Key: `claim_key`. Sequence: the version of the account (`claim_key`).

    `claim_type` professional, institutional or dental; `frequency_code` 1 original, 7 replacement, 8 void.
    """

    claim_id: UUID
    claim_key: UUID
    patient_control_number: str
    claim_type: str
    frequency_code: str
    charge_cents: int
    payer_id: str
    payer_name: str
    submitted_at: datetime
    lines: tuple[SubmittedLine, ...]
    interchange_id: UUID | None = None
    replaces_claim_id: UUID | None = None
    original_payer_claim_control_number: str | None = None
    claim_filing_code: str | None = None
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
    member_reference: str | None = None
    findings: tuple[CheckFinding, ...] = ()
