"""What a payer asks for before it decides a claim, as values: the 277 that requests additional information.

Codes are opaque keys. Source: ASC X12 006020X313.
"""

from datetime import date

from msgspec import Struct


class RequestedCode(Struct, frozen=True, gc=False, omit_defaults=True):
    """One question of an STC: its category (R0, R4, ...), what is asked for, and the list that this code is of (LOI: LOINC)."""

    category: str
    code: str
    code_list: str = ""


class RequestedLine(Struct, frozen=True, omit_defaults=True):
    """What is asked about one service line."""

    procedure_code: str
    codes: tuple[RequestedCode, ...]
    line_control_number: str = ""
    service_from_on: date | None = None


class RecordsRequest(Struct, frozen=True, omit_defaults=True):
    """One claim for which a payer wants more. `trace` is TRN02, which the answer returns; `due_on` the last day for it (DTP*106).

    `payer_claim_control_number` is REF*1K, or the trace: payers number requests by the claim. `attachment_control_number` is PWK06.
    """

    ordinal: int
    segment_index: int
    byte_offset: int
    trace: str
    codes: tuple[RequestedCode, ...]
    payer_name: str = ""
    payer_id: str = ""
    provider_npi: str = ""
    patient_control_number: str = ""
    payer_claim_control_number: str = ""
    clearinghouse_number: str = ""
    attachment_control_number: str = ""
    service_from_on: date | None = None
    service_to_on: date | None = None
    due_on: date | None = None
    lines: tuple[RequestedLine, ...] = ()
