"""What payers and clearinghouses answer to claims, as values: the 277CA and 277 (status of claims) and the 999 (syntax of sets).

Codes are opaque keys. Source: ASC X12 005010X214 (277CA), 005010X212 (277), 005010X231A1 (999), and the 997 that the 999 replaced.
"""

from datetime import date
from typing import Literal

from msgspec import Struct

StatusLevel = Literal["source", "receiver", "provider", "claim"]


class StatusCode(Struct, frozen=True, gc=False, omit_defaults=True):
    """One composite of an STC: category (A1, A2, A7, ...), status, and the entity that it speaks of."""

    category: str
    code: str
    entity: str = ""


class Status(Struct, frozen=True, gc=False, omit_defaults=True):
    """One STC. `action` WQ accepts, U rejects; `charge_cents` is what the answer counts."""

    codes: tuple[StatusCode, ...]
    effective_on: date | None = None
    action: str = ""
    charge_cents: int | None = None
    paid_cents: int | None = None
    message: str = ""


class LineStatus(Struct, frozen=True, omit_defaults=True):
    """Loop 2220: what is said of one service line."""

    procedure_code: str
    charge_cents: int | None
    statuses: tuple[Status, ...]
    qualifier: str = ""
    modifiers: tuple[str, ...] = ()
    revenue_code: str = ""
    line_control_number: str = ""
    service_from_on: date | None = None


class StatusRead(Struct, frozen=True, omit_defaults=True):
    """One level (HL) of a 277CA or 277 that carries a status.

    `trace` is TRN02: of a claim in a 277CA the patient control number as it was submitted, of a 277 the trace of the 276.
    `payer_claim_control_number` is REF*1K, `clearinghouse_number` REF*D9; a REF*EJ overrides the patient control number.
    """

    ordinal: int
    segment_index: int
    byte_offset: int
    level: StatusLevel
    trace: str
    statuses: tuple[Status, ...]
    payer_name: str = ""
    payer_id: str = ""
    provider_npi: str = ""
    patient_control_number: str = ""
    payer_claim_control_number: str = ""
    clearinghouse_number: str = ""
    type_of_bill: str = ""
    service_from_on: date | None = None
    service_to_on: date | None = None
    lines: tuple[LineStatus, ...] = ()


class SetError(Struct, frozen=True, gc=False, omit_defaults=True):
    """One IK3 with one IK4 under it (or none): which segment, which element, what is wrong.

    `segment_position` counts from the set's ST (1); `element` is the position in the segment, `component` inside a composite.
    """

    segment_id: str
    segment_position: int | None
    loop: str = ""
    segment_code: str = ""
    element: int | None = None
    component: int | None = None
    element_code: str = ""
    patient_control_number: str = ""


class SetAnswer(Struct, frozen=True, omit_defaults=True):
    """AK2 to IK5: what becomes of one transaction set. `code` A accepted, E accepted with errors, R rejected, ..."""

    ordinal: int
    segment_index: int
    byte_offset: int
    functional_id: str
    group_control_number: str
    set_type: str
    set_control_number: str
    code: str
    reasons: tuple[str, ...] = ()
    errors: tuple[SetError, ...] = ()


class GroupAnswer(Struct, frozen=True, gc=False):
    """AK9: what becomes of a functional group. `code` A, E, P (some sets), R, ..."""

    transaction_ordinal: int
    functional_id: str
    group_control_number: str
    code: str
    sets_included: int | None
    sets_received: int | None
    sets_accepted: int | None
