"""What an 837 says, as values: one claim of any of the three kinds with everything that it was sent with.

Money is integer cents; dates are dates; codes are strings. What has no field of its own is kept, segment by segment, in `segments`
of the part where it stood, in the file's delimiters (`separator`, `component` of the claim): nothing that was sent is lost.

Source: ASC X12 005010X222A1 (professional), X223A2 (institutional), X224A2 (dental); loop numbers are those of the guides.
"""

from datetime import date
from typing import Literal

from msgspec import Struct

from libs.x12.model import Adjustment

ClaimType = Literal["professional", "institutional", "dental"]

REPLACEMENT, VOID = "7", "8"  # frequency codes (CLM05-3) that name an earlier claim by REF*F8

# HI0n-1 of what is a diagnosis: principal, other, admitting, reason for the visit, external cause, and a dental claim's own (TQ).
DIAGNOSIS_QUALIFIERS = frozenset({"ABK", "BK", "ABF", "BF", "ABJ", "BJ", "APR", "PR", "ABN", "BN", "TQ"})


class Address(Struct, frozen=True, gc=False, omit_defaults=True):
    """N3 and N4."""

    line_1: str = ""
    line_2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


class Reference(Struct, frozen=True, gc=False):
    """One REF: qualifier (F8 payer claim control number, G1 prior authorization, 9F referral, EI tax id, ...) and value."""

    qualifier: str
    value: str


class Dated(Struct, frozen=True, gc=False, omit_defaults=True):
    """One DTP: qualifier (431 onset, 434 statement, 435 admission, 472 service, 096 discharge, ...) and a day or a range.

    `time` is what stands behind the day in the format DT (CCYYMMDDHHMM).
    """

    qualifier: str
    from_on: date | None
    to_on: date | None = None
    time: str = ""


class Provider(Struct, frozen=True, gc=False, omit_defaults=True):
    """One NM1 loop of a provider: 85 billing, 87 pay-to, 82 rendering, DN referring, 71 attending, 77 facility, ..."""

    entity_code: str
    name: str = ""  # of an organisation, or the last name of a person
    first_name: str = ""
    middle_name: str = ""
    suffix: str = ""
    is_person: bool = False
    npi: str = ""
    id_qualifier: str = ""  # NM108 where it is not XX
    id: str = ""
    taxonomy_code: str = ""
    address: Address | None = None
    references: tuple[Reference, ...] = ()
    segments: tuple[str, ...] = ()

    @property
    def tax_id(self) -> str:
        """Return the employer's or social security number; empty when there is none."""
        return next((each.value for each in self.references if each.qualifier in ("EI", "SY")), "")


class Person(Struct, frozen=True, gc=False, omit_defaults=True):
    """A subscriber or a patient. All of it is patient data."""

    last_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    suffix: str = ""
    is_person: bool = True
    id_qualifier: str = ""
    member_id: str = ""
    birth_on: date | None = None
    sex: str = ""
    address: Address | None = None
    references: tuple[Reference, ...] = ()
    segments: tuple[str, ...] = ()


class Payer(Struct, frozen=True, gc=False, omit_defaults=True):
    """NM1*PR: who is asked to pay."""

    name: str = ""
    payer_id: str = ""
    id_qualifier: str = ""
    address: Address | None = None
    references: tuple[Reference, ...] = ()
    segments: tuple[str, ...] = ()


class Subscription(Struct, frozen=True, gc=False, omit_defaults=True):
    """SBR: how the subscriber stands to a payer. `sequence` P, S, T, ...; `relationship` 18 is the patient himself."""

    sequence: str = ""
    relationship: str = ""
    group_number: str = ""
    group_name: str = ""
    insurance_type: str = ""
    claim_filing_code: str = ""


class Diagnosis(Struct, frozen=True, gc=False, omit_defaults=True):
    """One HI composite of a diagnosis: ABK or BK principal, ABF or BF other, ABJ admitting, ..., without a dot."""

    qualifier: str
    code: str
    present_on_admission: str = ""


class Attachment(Struct, frozen=True, gc=False):
    """PWK: a document that goes with the claim; `control_number` ties it to the 275."""

    report_type: str
    transmission: str
    control_number: str = ""


class LineAdjudication(Struct, frozen=True, gc=False, omit_defaults=True):
    """Loop 2430: what an earlier payer decided about a line."""

    payer_id: str
    paid_cents: int
    qualifier: str = ""
    procedure_code: str = ""
    modifiers: tuple[str, ...] = ()
    revenue_code: str = ""
    units: str = ""
    adjustments: tuple[Adjustment, ...] = ()
    adjudicated_on: date | None = None
    segments: tuple[str, ...] = ()


class OtherPayer(Struct, frozen=True, gc=False, omit_defaults=True):
    """Loop 2320: another payer of the same claim, and what it decided when it came before."""

    subscription: Subscription
    payer: Payer = Payer()
    subscriber: Person | None = None
    paid_cents: int | None = None
    adjustments: tuple[Adjustment, ...] = ()
    adjudicated_on: date | None = None
    segments: tuple[str, ...] = ()


class ClaimLine(Struct, frozen=True, gc=False, omit_defaults=True):
    """Loop 2400. `qualifier` HC, AD, ER, ...; `unit` UN or MJ; `diagnosis_pointers` count from 1."""

    number: int
    charge_cents: int
    procedure_code: str = ""
    qualifier: str = ""
    modifiers: tuple[str, ...] = ()
    description: str = ""
    unit: str = ""
    units: str = ""
    place_of_service: str = ""
    diagnosis_pointers: tuple[int, ...] = ()
    revenue_code: str = ""
    service_from_on: date | None = None
    service_to_on: date | None = None
    line_control_number: str = ""
    drug_code: str = ""
    references: tuple[Reference, ...] = ()
    providers: tuple[Provider, ...] = ()
    adjudications: tuple[LineAdjudication, ...] = ()
    more: tuple[str, ...] = ()  # elements of SV1, SV2 or SV3 that have no field here, in their places
    segments: tuple[str, ...] = ()

    def reference(self, qualifier: str) -> str | None:
        return next((each.value for each in self.references if each.qualifier == qualifier), None)


class Claim(Struct, frozen=True, gc=False, omit_defaults=True):
    """One CLM loop (2300) with the billing provider, subscriber and patient that it stands under.

    `facility_code` is the place of service of a professional or dental claim, the first digits of an institutional type of bill;
    `frequency_code` 1 original, 7 replacement, 8 void.
    """

    claim_type: ClaimType
    patient_control_number: str
    charge_cents: int
    billing_provider: Provider
    subscription: Subscription
    subscriber: Person
    payer: Payer
    lines: tuple[ClaimLine, ...]
    facility_code: str = ""
    facility_qualifier: str = ""
    frequency_code: str = "1"
    signature: str = ""
    assignment: str = ""
    benefits_assigned: str = ""
    release: str = ""
    more: tuple[str, ...] = ()  # CLM10 and what follows: signature source, related causes, special program, delay reason
    pay_to: Provider | None = None
    patient: Person | None = None
    patient_relationship: str = ""
    diagnoses: tuple[Diagnosis, ...] = ()
    dates: tuple[Dated, ...] = ()
    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    patient_paid_cents: int | None = None
    providers: tuple[Provider, ...] = ()
    other_payers: tuple[OtherPayer, ...] = ()
    segments: tuple[str, ...] = ()
    separator: str = "*"
    component: str = ":"
    ordinal: int = 0
    segment_index: int = 0
    byte_offset: int = 0

    def reference(self, qualifier: str) -> str | None:
        """Return the value of the first REF with this qualifier."""
        for each in self.references:  # asked for several times a claim: a loop, no generator
            if each.qualifier == qualifier:
                return each.value
        return None

    def dated(self, qualifier: str) -> date | None:
        """Return the (first) day of the DTP with this qualifier."""
        return next((each.from_on for each in self.dates if each.qualifier == qualifier), None)

    def provider(self, entity_code: str) -> Provider | None:
        """Return the provider of the claim (2310) in this role."""
        for each in self.providers:
            if each.entity_code == entity_code:
                return each
        return None

    @property
    def patient_or_subscriber(self) -> Person:
        """Return whom the services were for."""
        return self.patient or self.subscriber

    @property
    def original_control_number(self) -> str:
        """Return the payer claim control number of the claim that this one replaces or voids; empty where it does neither."""
        return (self.reference("F8") or "") if self.frequency_code in (REPLACEMENT, VOID) else ""

    def service_span(self) -> tuple[date, date] | tuple[None, None]:
        """Return the first and the last day on which something was done: of the lines, else of the statement or the claim."""
        first = last = None
        for line in self.lines:  # asked for several times a claim: one pass, no list
            for day in (line.service_from_on, line.service_to_on):
                if day is not None:
                    first = day if first is None or day < first else first
                    last = day if last is None or day > last else last
        if first is not None and last is not None:
            return first, last
        told = [day for each in self.dates if each.qualifier in ("472", "434", "435") for day in (each.from_on, each.to_on) if day]
        return (min(told), max(told)) if told else (None, None)

    @property
    def service_from_on(self) -> date | None:
        return self.service_span()[0]

    @property
    def service_to_on(self) -> date | None:
        return self.service_span()[1]


class BatchRead(Struct, frozen=True, gc=False):
    """The head of an 837 or 277CA: BHT, who sent it (41, or the payer of a 277CA) and who was to receive it (40)."""

    transaction_ordinal: int
    purpose: str
    reference: str
    created_on: date | None
    kind: str  # BHT06: CH chargeable, RP reporting, 31 subrogation, TH receipt of a 277CA
    sender_name: str = ""
    sender_id: str = ""
    receiver_name: str = ""
    receiver_id: str = ""
