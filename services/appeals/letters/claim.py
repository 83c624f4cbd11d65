"""What a letter reads of ingest's answers about a claim and a remit: narrow shapes, as for events; the rest is ignored. Pure."""

from datetime import date, datetime

from msgspec import Struct


class Address(Struct, frozen=True):
    line_1: str = ""
    line_2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""


class Reference(Struct, frozen=True):
    qualifier: str
    value: str


class Provider(Struct, frozen=True):
    entity_code: str = ""
    name: str = ""
    first_name: str = ""
    middle_name: str = ""
    suffix: str = ""
    npi: str = ""
    references: tuple[Reference, ...] = ()


class Person(Struct, frozen=True):
    last_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    suffix: str = ""
    member_id: str = ""
    birth_on: date | None = None


class Payer(Struct, frozen=True):
    name: str = ""
    address: Address | None = None


class Subscription(Struct, frozen=True):
    group_number: str = ""


class Diagnosis(Struct, frozen=True):
    qualifier: str
    code: str


class OtherPayer(Struct, frozen=True):
    payer: Payer = Payer()
    paid_cents: int | None = None
    adjudicated_on: date | None = None


class Claim(Struct, frozen=True):
    """`GET /v1/claims/{claim_id}/content`."""

    claim_type: str
    patient_control_number: str
    charge_cents: int
    billing_provider: Provider
    subscription: Subscription
    subscriber: Person
    payer: Payer
    patient: Person | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    references: tuple[Reference, ...] = ()
    providers: tuple[Provider, ...] = ()
    other_payers: tuple[OtherPayer, ...] = ()


class Acknowledgement(Struct, frozen=True):
    verdict: str
    acknowledged_on: date


class ClaimLife(Struct, frozen=True):
    """`GET /v1/claims/{claim_id}`."""

    submitted_at: datetime
    service_from_on: date | None = None
    service_to_on: date | None = None
    payer_claim_control_number: str = ""
    acknowledgements: tuple[Acknowledgement, ...] = ()


class RemitLine(Struct, frozen=True):
    line: int
    charge_cents: int
    procedure_code: str = ""
    modifiers: tuple[str, ...] = ()
    revenue_code: str | None = None
    units: str | None = None
    service_on: date | None = None


class Remit(Struct, frozen=True):
    """`GET /v1/remits/{remit_id}`."""

    charge_cents: int
    paid_cents: int
    service_from_on: date | None = None
    service_to_on: date | None = None
    lines: tuple[RemitLine, ...] = ()
