"""An X12 remit as the event says it. Patient data stays behind: no name, no birth date, no member number goes over."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final
from uuid import UUID

from libs.common.contracts.remit_received import Adjustment, Remark, RemitReceivedV1, ServiceLine, Totals
from libs.x12 import Adjustment as X12Adjustment
from libs.x12 import PaymentRead, Remit

_PAYER_KINDS: Final = {
    "MA": "medicare",
    "MB": "medicare",
    "16": "medicare_advantage",
    "MC": "medicaid",
    "WC": "workers_comp",
    "AM": "auto_liability",
    "LM": "auto_liability",
    **dict.fromkeys(("12", "13", "14", "15", "BL", "CI", "HM", "CH"), "commercial"),
}
_DENTAL_QUALIFIER = "AD"
_GROUP_CODE_MAX, _NO_GROUP_CODE = 2, "??"  # what is longer is no group code; ledgers are kept by group, not by anybody's text


def payer_kind(claim_filing_code: str | None) -> str:
    """Return the kind of payer that CLP06 tells of."""
    return _PAYER_KINDS.get(claim_filing_code or "", "other")


def claim_type(remit: Remit) -> str:
    """Say what kind of claim was answered: dental by the procedures, institutional by revenue codes or MIA, else professional."""
    institutional = not remit.lines and remit.frequency_code is not None
    for line in remit.lines:
        if line.qualifier == _DENTAL_QUALIFIER:
            return "dental"
        if line.revenue_code or line.qualifier == "NU":
            institutional = True
    return "institutional" if institutional or remit.elements("MIA") is not None else "professional"


def to_event(
    remit: Remit,
    payment: PaymentRead,
    *,
    remit_id: UUID,
    remittance_id: UUID,
    interchange_id: UUID,
    claim_key: UUID,
    payment_on: date,
    received_at: datetime,
) -> RemitReceivedV1:
    """Say one remit as `remit.received` says it; lines are numbered from 1, adjustments keep the payer's order."""
    adjustments: list[Adjustment] = []
    by_group: dict[str, int] = {}
    _adjust(remit.adjustments, None, adjustments, by_group)
    rarcs = [Remark(code) for code in remit.remarks()] if remit.segments else []
    lines = []
    service_days = []
    for number, line in enumerate(remit.lines, start=1):
        service_on = line.service_on()
        if service_on is not None:
            service_days.append(service_on)
        lines.append(
            ServiceLine(
                number,
                line.charge_cents,
                line.paid_cents,
                line.procedure_code,
                line.qualifier,
                line.modifiers,
                line.revenue_code,
                line.original_procedure_code,
                line.units,
                service_on,
                line.reference("6R"),
            )
        )
        _adjust(line.adjustments, number, adjustments, by_group)
        for code in line.rarcs:
            rarcs.append(Remark(code, number))  # noqa: PERF401 - nearly always there is none, and then this costs nothing
    return RemitReceivedV1(
        remit_id=remit_id,
        remittance_id=remittance_id,
        interchange_id=interchange_id,
        claim_key=claim_key,
        patient_control_number=remit.patient_control_number,
        payer_claim_control_number=remit.payer_claim_control_number,
        payer_id=payment.payer_id,
        payer_name=payment.payer_name,
        payment_on=payment_on,
        received_at=received_at,
        claim_status_code=remit.claim_status_code,
        charge_cents=remit.charge_cents,
        paid_cents=remit.paid_cents,
        adjustments=tuple(adjustments),
        totals=Totals(remit.adjustment_cents, by_group, remit.difference_cents),
        rarcs=tuple(rarcs),
        lines=tuple(lines),
        patient_responsibility_cents=remit.patient_responsibility_cents,
        claim_filing_code=remit.claim_filing_code,
        claim_type=claim_type(remit),
        payer_kind=payer_kind(remit.claim_filing_code),
        service_from_on=remit.date("232") or min(service_days, default=None),
        service_to_on=remit.date("233") or max(service_days, default=None),
    )


def _adjust(items: Iterable[X12Adjustment], line: int | None, told: list[Adjustment], by_group: dict[str, int]) -> None:
    """Say adjustments of the claim or of a line, and add them up by group."""
    for item in items:
        group_code = item.group_code
        told.append(Adjustment(group_code, item.carc, item.amount_cents, item.quantity, line))
        if len(group_code) > _GROUP_CODE_MAX:
            group_code = _NO_GROUP_CODE
        by_group[group_code] = by_group.get(group_code, 0) + item.amount_cents
