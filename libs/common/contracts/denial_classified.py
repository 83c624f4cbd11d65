"""`denial.classified`: what the classifier says of one remit with at least one denied adjustment.

A new judgement of the same denial is the same `denial_id` with the next `revision`; a reversal retracts it. Consumers keep the
highest revision.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

TOPIC = "denial.classified"
TYPE = "recours.denial.classified.v1"


class Reason(Struct, frozen=True, gc=False, omit_defaults=True):
    """One refused adjustment, with the remarks beside it. Every refused cent is in exactly one reason."""

    group_code: str
    carc: str
    amount_cents: int
    category: str
    rarcs: tuple[str, ...] = ()
    line: int | None = None


class DenialClassifiedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """The data of `recours.denial.classified.v1`. Key: `claim_key`. Sequence: the denial's `revision`."""

    denial_id: UUID
    revision: int
    status: Literal["active", "retracted"]
    remit_id: UUID
    remittance_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    charge_cents: int
    paid_cents: int
    denied_cents: int
    category: str
    kind: str
    action: str
    explanation: str
    reasons: tuple[Reason, ...]
    rules: tuple[str, ...]
    confidence: float
    classified_at: datetime
    recoverable: bool
    preventable: bool | None = None
    alternative_actions: tuple[str, ...] = ()
    core_scenario: str | None = None
    service_from_on: date | None = None
    claim_id: UUID | None = None
