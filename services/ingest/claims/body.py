"""A claim as JSON, and how it becomes the canonical claim: the same names and the same shape, in this one place.

What can be read is taken: whether a date, a code or a sum makes sense is the business of checks. Refused is what could never be
sent on as X12: a delimiter or a control character, more lines than a claim may have.
"""

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from libs.common.http.written import Day
from libs.x12 import Claim
from libs.x12.claim import ClaimType
from libs.x12.claim_reader import LINES_MAX

_FREE = r"^[^\x00-\x1f\x7f*~]*$"
_SEGMENT = r"^[^\x00-\x1f\x7f~]*$"
Text = Annotated[str, Field(max_length=500, pattern=_FREE)]
Code = Annotated[str, Field(max_length=80, pattern=_FREE)]
Segment = Annotated[str, Field(max_length=5000, pattern=_SEGMENT)]
Cents = Annotated[int, Field(ge=-(10**12), le=10**12, strict=True)]
Segments = Annotated[
    list[Segment], Field(max_length=500, description="X12 segments that have no field here, with * between elements and : in them")
]
More = Annotated[list[Segment], Field(max_length=30, description="X12 elements that have no field here, in their places")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AddressBody(_Part):
    line_1: Text = ""
    line_2: Text = ""
    city: Text = ""
    state: Code = ""
    postal_code: Code = ""
    country: Code = ""


class ReferenceBody(_Part):
    """F8 payer claim control number, G1 prior authorization, 9F referral, EI tax id, ..."""

    qualifier: Code
    value: Text


class DatedBody(_Part):
    """431 onset, 434 statement, 435 admission, 472 service, ..."""

    qualifier: Code
    from_on: Day | None
    to_on: Day | None = None
    time: Code = ""


class ProviderBody(_Part):
    entity_code: Code = Field(description="85 billing, 87 pay-to, 82 rendering, DN referring, 71 attending, 77 facility, ...")
    name: Text = Field("", description="of an organisation, or the last name of a person")
    first_name: Text = ""
    middle_name: Text = ""
    suffix: Code = ""
    is_person: bool = False
    npi: Code = ""
    id_qualifier: Code = ""
    id: Code = ""
    taxonomy_code: Code = ""
    address: AddressBody | None = None
    references: list[ReferenceBody] = Field(default_factory=list, max_length=50)
    segments: Segments = Field(default_factory=list)


class PersonBody(_Part):
    last_name: Text = ""
    first_name: Text = ""
    middle_name: Text = ""
    suffix: Code = ""
    is_person: bool = True
    id_qualifier: Code = ""
    member_id: Code = ""
    birth_on: Day | None = None
    sex: Code = ""
    address: AddressBody | None = None
    references: list[ReferenceBody] = Field(default_factory=list, max_length=50)
    segments: Segments = Field(default_factory=list)


class PayerBody(_Part):
    name: Text = ""
    payer_id: Code = ""
    id_qualifier: Code = ""
    address: AddressBody | None = None
    references: list[ReferenceBody] = Field(default_factory=list, max_length=50)
    segments: Segments = Field(default_factory=list)


class SubscriptionBody(_Part):
    sequence: Code = Field("", description="P primary, S secondary, T tertiary, ...")
    relationship: Code = Field("", description="of the patient to the subscriber; 18 is the patient himself")
    group_number: Text = ""
    group_name: Text = ""
    insurance_type: Code = ""
    claim_filing_code: Code = ""


class DiagnosisBody(_Part):
    qualifier: Code = Field(description="ABK principal, ABF other, ABJ admitting, ...")
    code: Code = Field(description="without a dot")
    present_on_admission: Code = ""


class AttachmentBody(_Part):
    report_type: Code
    transmission: Code
    control_number: Text = ""


class ClaimAdjustmentBody(_Part):
    group_code: Code
    carc: Code
    amount_cents: Cents
    quantity: Code | None = None


class LineAdjudicationBody(_Part):
    """What an earlier payer decided about a line."""

    payer_id: Code
    paid_cents: Cents
    qualifier: Code = ""
    procedure_code: Code = ""
    modifiers: list[Code] = Field(default_factory=list, max_length=4)
    revenue_code: Code = ""
    units: Code = ""
    adjustments: list[ClaimAdjustmentBody] = Field(default_factory=list, max_length=100)
    adjudicated_on: Day | None = None
    segments: Segments = Field(default_factory=list)


class OtherPayerBody(_Part):
    """Another payer of the same claim, and what it decided when it came before."""

    subscription: SubscriptionBody
    payer: PayerBody = Field(default_factory=PayerBody)
    subscriber: PersonBody | None = None
    paid_cents: Cents | None = None
    adjustments: list[ClaimAdjustmentBody] = Field(default_factory=list, max_length=100)
    adjudicated_on: Day | None = None
    segments: Segments = Field(default_factory=list)


class ClaimLineBody(_Part):
    number: int = Field(ge=0, le=999_999)
    charge_cents: Cents
    procedure_code: Code = ""
    qualifier: Code = ""
    modifiers: list[Code] = Field(default_factory=list, max_length=4)
    description: Text = ""
    unit: Code = ""
    units: Code = ""
    place_of_service: Code = ""
    diagnosis_pointers: list[Annotated[int, Field(ge=1, le=999_999)]] = Field(default_factory=list, max_length=20)
    revenue_code: Code = ""
    service_from_on: Day | None = None
    service_to_on: Day | None = None
    line_control_number: Text = ""
    drug_code: Code = ""
    references: list[ReferenceBody] = Field(default_factory=list, max_length=50)
    providers: list[ProviderBody] = Field(default_factory=list, max_length=20)
    adjudications: list[LineAdjudicationBody] = Field(default_factory=list, max_length=20)
    more: More = Field(default_factory=list)
    segments: Segments = Field(default_factory=list)


class ClaimBody(_Part):
    """One claim. Money is integer cents; `frequency_code` 1 original, 7 replacement, 8 void (with a reference F8)."""

    claim_type: ClaimType
    patient_control_number: str = Field(min_length=1, max_length=38, pattern=_FREE)
    charge_cents: Cents
    billing_provider: ProviderBody
    subscription: SubscriptionBody
    subscriber: PersonBody
    payer: PayerBody
    lines: list[ClaimLineBody] = Field(max_length=LINES_MAX)
    facility_code: Code = ""
    facility_qualifier: Code = ""
    frequency_code: Code = "1"
    signature: Code = ""
    assignment: Code = ""
    benefits_assigned: Code = ""
    release: Code = ""
    more: More = Field(default_factory=list)
    pay_to: ProviderBody | None = None
    patient: PersonBody | None = Field(None, description="where the patient is not the subscriber")
    patient_relationship: Code = ""
    diagnoses: list[DiagnosisBody] = Field(default_factory=list, max_length=100)
    dates: list[DatedBody] = Field(default_factory=list, max_length=100)
    references: list[ReferenceBody] = Field(default_factory=list, max_length=100)
    attachments: list[AttachmentBody] = Field(default_factory=list, max_length=100)
    patient_paid_cents: Cents | None = None
    providers: list[ProviderBody] = Field(default_factory=list, max_length=50)
    other_payers: list[OtherPayerBody] = Field(default_factory=list, max_length=20)
    segments: Segments = Field(default_factory=list)
    coder: str = Field(
        "",
        max_length=64,
        pattern=r"^[A-Za-z0-9._@-]*$",
        description="who coded it: your own id of one of your staff, never a name. It stands beside the claim, which is named by"
        " what a payer would see: sent again with another coder, the claim is known, and keeps the first",
    )

    def to_claim(self) -> Claim:
        """Return the canonical claim: equal to that of an 837 which says the same."""
        told: dict[str, Any] = self.model_dump(exclude={"coder"})
        return msgspec.convert(told, Claim)
