"""The shapes of ingest's answers."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

from msgspec import Struct
from pydantic import BaseModel, Field

from libs.common.contracts.remit_received import RemitReceivedV1
from services.ingest.received import Received

Status = Literal["received", "processing", "accepted", "accepted_with_errors", "rejected"]


class ProgressView(BaseModel):
    bytes_read: int
    bytes_total: int
    claims: int


class BalanceDifferences(BaseModel):
    """How many lines and claims do not balance, and by how much the whole does not."""

    lines: int
    claims: int
    transaction_cents: int | None = Field(description="sum(CLP04) - sum(PLB) - BPR02; null without a readable BPR02")


class TransactionView(BaseModel):
    ordinal: int
    type: str = Field(description="ST01, such as 835")
    control_number: str
    version: str
    complete: bool = Field(description="whether its end (SE) was there")
    remittance_id: UUID | None
    claims: int
    claims_new: int
    claims_duplicate: int
    claims_conflicting: int
    claims_unreadable: int
    charge_cents: int
    paid_cents: int
    adjustment_cents: int
    balance_difference_cents: int | None
    balance_differences: BalanceDifferences

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "TransactionView":
        differences = BalanceDifferences(
            lines=row["unbalanced_lines"],
            claims=row["unbalanced_claims"],
            transaction_cents=row["balance_difference_cents"],
        )
        return cls.model_validate({**row, "balance_differences": differences})


class InterchangeTotals(BaseModel):
    """The sums over all transactions of a file that have ended."""

    transactions: int = 0
    claims: int = 0
    claims_new: int = 0
    claims_duplicate: int = 0
    claims_conflicting: int = 0
    claims_unreadable: int = 0
    charge_cents: int = 0
    paid_cents: int = 0
    adjustment_cents: int = 0


class FindingView(BaseModel):
    """Something irregular and where it stands. No value of the file is ever repeated here."""

    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    byte_offset: int = Field(description="from 0, in the uncompressed body")
    segment_index: int = Field(description="from 1")
    segment_id: str | None = None
    loop: str | None = None
    element: str | None = None
    snip_type: int = 1
    transaction_ordinal: int | None = None
    claim_ordinal: int | None = None
    difference_cents: int | None = None


class InterchangeSummary(BaseModel):
    interchange_id: UUID
    status: Status
    received_at: datetime
    finished_at: datetime | None = None
    size_bytes: int
    sha256: str
    progress: ProgressView
    error_count: int
    trace_id: str = Field(description="the trace in which it came in, and all that followed from it")

    @classmethod
    def of(cls, row: Mapping[Any, Any], **more: Any) -> Self:
        progress = ProgressView(bytes_read=row["bytes_read"], bytes_total=row["size_bytes"], claims=row["claims_read"])
        return cls.model_validate({**row, "progress": progress, **more})


class InterchangeView(InterchangeSummary):
    totals: InterchangeTotals
    transactions: list[TransactionView] = Field(description="in file order, the first 1,000; all of them under /transactions")
    errors: list[FindingView] = Field(description="findings in file order, the first 1,000; all of them under /errors")

    @classmethod
    def just_received(cls, received: Received, sha256: str, size_bytes: int) -> "InterchangeView":
        """Return what there is to say of a file whose bytes were stored just now."""
        return cls(
            interchange_id=received.interchange_id,
            status="received",
            received_at=received.received_at,
            size_bytes=size_bytes,
            sha256=sha256,
            progress=ProgressView(bytes_read=0, bytes_total=size_bytes, claims=0),
            error_count=0,
            trace_id=received.trace_id,
            totals=InterchangeTotals(),
            transactions=[],
            errors=[],
        )


class RemittanceView(BaseModel):
    """One payment."""

    remittance_id: UUID
    interchange_id: UUID
    payer_id: str
    payer_name: str
    payee_id: str
    payee_name: str
    trace_number: str
    amount_cents: int | None
    handling_code: str
    method: str
    payment_on: date
    produced_on: date | None
    received_at: datetime


class ProviderAdjustmentView(BaseModel):
    """Positive lowers the payment, negative raises it."""

    provider_id: str
    fiscal_period_on: date | None
    reason_code: str
    reference_id: str
    amount_cents: int


class RemittanceTotals(BaseModel):
    remits: int
    charge_cents: int
    paid_cents: int
    adjustment_cents: int
    unbalanced_cents: int


class RemittanceDetail(RemittanceView):
    provider_adjustments: list[ProviderAdjustmentView]
    totals: RemittanceTotals
    balance_difference_cents: int | None = Field(description="paid - provider adjustments - amount; null without an amount")


class RemitView(BaseModel):
    """One claim of a payment, as the payer adjudicated it."""

    remit_id: UUID
    remittance_id: UUID
    interchange_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    claim_status_code: str
    claim_filing_code: str | None
    claim_type: str
    payer_kind: str
    payment_on: date
    received_at: datetime = Field(description="when its file came in")
    service_from_on: date | None
    service_to_on: date | None
    charge_cents: int
    paid_cents: int
    patient_responsibility_cents: int | None
    adjustment_cents: int
    unbalanced_cents: int
    rarcs: list[str]

    @classmethod
    def of(cls, told: RemitReceivedV1, **more: Any) -> Self:
        """Show what was told of a remit; `rarcs` are the claim's own."""
        return cls.model_validate(
            {
                **_fields(told),
                "adjustment_cents": told.totals.adjustment_cents,
                "unbalanced_cents": told.totals.unbalanced_cents,
                "rarcs": _rarcs(told)[None],
                **more,
            }
        )


class LineView(BaseModel):
    line: int
    qualifier: str
    procedure_code: str
    modifiers: list[str]
    revenue_code: str | None
    original_procedure_code: str | None
    units: str | None
    service_on: date | None
    line_control_number: str | None
    charge_cents: int
    paid_cents: int
    unbalanced_cents: int
    rarcs: list[str]


class AdjustmentView(BaseModel):
    line: int | None
    group_code: str
    carc: str
    amount_cents: int
    quantity: str | None


class RemitDetail(RemitView):
    lines: list[LineView]
    adjustments: list[AdjustmentView]

    @classmethod
    def of(cls, told: RemitReceivedV1, **more: Any) -> Self:
        explained: defaultdict[int | None, int] = defaultdict(int)
        for item in told.adjustments:
            explained[item.line] += item.amount_cents
        rarcs = _rarcs(told)
        lines = [
            {
                **_fields(line),
                "unbalanced_cents": line.charge_cents - line.paid_cents - explained[line.line],
                "rarcs": rarcs[line.line],
            }
            for line in told.lines
        ]
        return super().of(told, lines=lines, adjustments=[_fields(item) for item in told.adjustments], **more)


def _rarcs(told: RemitReceivedV1) -> defaultdict[int | None, list[str]]:
    """Return the remark codes by line; the claim's own under None."""
    found: defaultdict[int | None, list[str]] = defaultdict(list)
    for item in told.rarcs:
        found[item.line].append(item.rarc)
    return found


def _fields(told: Struct) -> dict[str, Any]:
    return {name: getattr(told, name) for name in told.__struct_fields__}
