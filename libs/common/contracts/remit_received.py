"""`remit.received`: one claim in one remittance (a CLP loop of an 835), as the payer stated it.

Money is integer cents with the payer's sign. No patient name, address, birth date or member number: events never carry them.
"""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

TOPIC = "remit.received"
TYPE = "recours.remit.received.v1"


class Adjustment(Struct, frozen=True, gc=False, omit_defaults=True):
    """One CAS triplet: the payer's fact. `line` is the 1-based position of the service line; absent at claim level."""

    group_code: str
    carc: str
    amount_cents: int
    quantity: str | None = None
    line: int | None = None


class Remark(Struct, frozen=True, gc=False, omit_defaults=True):
    """One remittance advice remark code, of a line (LQ) or of the claim (MIA, MOA: `line` absent)."""

    rarc: str
    line: int | None = None


class ServiceLine(Struct, frozen=True, gc=False, omit_defaults=True):
    """One SVC loop."""

    line: int
    charge_cents: int
    paid_cents: int
    procedure_code: str = ""
    qualifier: str = ""
    modifiers: tuple[str, ...] = ()
    revenue_code: str | None = None
    original_procedure_code: str | None = None
    units: str | None = None
    service_on: date | None = None
    line_control_number: str | None = None


class Totals(Struct, frozen=True, gc=False):
    """What ingest booked for this remit in its ledger; every consumer books the same.

    `unbalanced_cents` is charge - paid - all adjustments: what the payer neither paid nor explained.
    """

    adjustment_cents: int
    adjustments_by_group: dict[str, int]
    unbalanced_cents: int


class RemitReceivedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """The data of `recours.remit.received.v1`. Key: `claim_key`. Sequence: the version of the account (`claim_key`)."""

    remit_id: UUID
    remittance_id: UUID
    interchange_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    received_at: datetime
    claim_status_code: str
    charge_cents: int
    paid_cents: int
    adjustments: tuple[Adjustment, ...]
    totals: Totals
    rarcs: tuple[Remark, ...] = ()
    lines: tuple[ServiceLine, ...] = ()
    patient_responsibility_cents: int | None = None
    claim_filing_code: str | None = None
    claim_type: str | None = None
    payer_kind: str | None = None
    service_from_on: date | None = None
    service_to_on: date | None = None
    claim_id: UUID | None = None
