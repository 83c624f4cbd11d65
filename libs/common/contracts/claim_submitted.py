"""`claim.submitted`: one claim as a provider sent it, by 837 or as JSON.

Money is integer cents. No name, address, birth date or member number: `member_reference` is a keyed hash that only this tenant's
claims share. The descriptions of the fields are published: `make docs` writes them into docs/events.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "claim.submitted"
TYPE = "recours.claim.submitted.v1"


class SubmittedLine(Struct, frozen=True, gc=False, omit_defaults=True):
    """One service line."""

    line: Annotated[int, Meta(description="The line's number in the claim (LX01), else its place.")]
    charge_cents: Annotated[int, Meta(description="Billed; cents.")]
    procedure_code: Annotated[str, Meta(description="The procedure; empty where only a revenue code stands.")] = ""
    qualifier: Annotated[str, Meta(description="The code list of the procedure: HC, AD, ...")] = ""
    modifiers: Annotated[tuple[str, ...], Meta(description="Procedure modifiers, in order.")] = ()
    revenue_code: Annotated[str | None, Meta(description="Of institutional claims.")] = None
    units: Annotated[str | None, Meta(description="Units billed, a decimal as it was written.")] = None
    place_of_service: Annotated[str | None, Meta(description="Where it is not the claim's.")] = None
    service_from_on: Annotated[date | None, Meta(description="First day of the service.")] = None
    service_to_on: Annotated[date | None, Meta(description="Last day of the service, where it is a range.")] = None
    line_control_number: Annotated[str | None, Meta(description="REF*6R: the provider's own number of the line.")] = None
    rendering_npi: Annotated[str | None, Meta(description="NPI of who rendered it, where it is not the claim's.")] = None


class CheckFinding(Struct, frozen=True, gc=False, omit_defaults=True):
    """What a check of the claim found when it came in."""

    rule: Annotated[str, Meta(description="The rule, by its stable name.")]
    severity: Annotated[Literal["error", "warning", "info"], Meta(description="error: will be denied; warning: likely.")]
    carc: Annotated[str | None, Meta(description="Claim adjustment reason code that it would cause.")] = None
    line: Annotated[int | None, Meta(description="1-based service line; absent for the claim.")] = None


class ClaimSubmittedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """One claim. Key: `claim_key`. Sequence: the version of the account (`claim_key`)."""

    claim_id: Annotated[
        UUID, Meta(description="Names the content: the same claim sent twice is one claim; a replacement is another.")
    ]
    claim_key: Annotated[
        UUID, Meta(description="Routes: tenant and normalised patient control number; it does not identify a claim.")
    ]
    patient_control_number: Annotated[str, Meta(description="CLM01: the provider's account number.")]
    claim_type: Annotated[str, Meta(description="professional, institutional or dental.")]
    frequency_code: Annotated[str, Meta(description="CLM05-3: 1 original, 7 replacement, 8 void, ...")]
    charge_cents: Annotated[int, Meta(description="CLM02, billed; cents.")]
    payer_id: Annotated[str, Meta(description="The payer's id; empty where the claim gives none.")]
    payer_name: Annotated[str, Meta(description="The payer: an organisation.")]
    submitted_at: Annotated[datetime, Meta(tz=True, description="When ingest took it in; UTC.")]
    lines: Annotated[tuple[SubmittedLine, ...], Meta(description="Its service lines, in order.")]
    interchange_id: Annotated[UUID | None, Meta(description="The file that brought it; absent where it came as JSON.")] = None
    replaces_claim_id: Annotated[
        UUID | None, Meta(description="The claim whose place it takes; told again when that is known later.")
    ] = None
    original_payer_claim_control_number: Annotated[
        str | None, Meta(description="REF*F8: the payer's number of the claim that it replaces or voids.")
    ] = None
    claim_filing_code: Annotated[str | None, Meta(description="SBR09: the kind of coverage.")] = None
    payer_kind: Annotated[
        str | None, Meta(description="Kind of payer that follows from it: medicare, medicaid, commercial, ...")
    ] = None
    payer_sequence: Annotated[str | None, Meta(description="SBR01: P primary, S secondary, T tertiary.")] = None
    billing_npi: Annotated[str | None, Meta(description="NPI of the billing provider.")] = None
    rendering_npi: Annotated[str | None, Meta(description="NPI of the rendering provider.")] = None
    facility_code: Annotated[str | None, Meta(description="Place of service, or the first digits of the type of bill.")] = None
    diagnosis_codes: Annotated[tuple[str, ...], Meta(description="Diagnoses in order, without dots.")] = ()
    service_from_on: Annotated[date | None, Meta(description="First day of service.")] = None
    service_to_on: Annotated[date | None, Meta(description="Last day of service.")] = None
    prior_authorization: Annotated[bool | None, Meta(description="Whether it names a prior authorization.")] = None
    referral: Annotated[bool | None, Meta(description="Whether it names a referral.")] = None
    member_reference: Annotated[
        str | None,
        Meta(description="Stands for the patient: a keyed hash, equal for the same patient of the same payer and tenant."),
    ] = None
    findings: Annotated[tuple[CheckFinding, ...], Meta(description="What checks found.")] = ()
    coder: Annotated[
        str | None, Meta(description="Who coded it: the provider's own id of one of its staff; absent where nobody told it.")
    ] = None
    linked_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="When it became known whose place it takes, where it is told again for that; UTC."),
    ] = None
