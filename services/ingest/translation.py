"""An X12 remit as the event says it. Patient data stays behind: no name, no birth date, no member number goes over."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from libs.common.contracts.remit_received import Adjustment, Remark, RemitReceivedV1, ServiceLine, Totals
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
    if any(line.qualifier == _DENTAL_QUALIFIER for line in remit.lines):
        return "dental"
    institutional = remit.elements("MIA") is not None or (not remit.lines and remit.frequency_code is not None)
    if institutional or any(line.revenue_code or line.qualifier == "NU" for line in remit.lines):
        return "institutional"
    return "professional"


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
    adjustments = [Adjustment(item.group_code, item.carc, item.amount_cents, item.quantity) for item in remit.adjustments]
    rarcs = [Remark(code) for code in remit.remarks()] if remit.segments else []
    lines = []
    by_group: dict[str, int] = {}
    service_days = []
    for number, line in enumerate(remit.lines, start=1):
        service_on = line.service_on()
        if service_on is not None:
            service_days.append(service_on)
        lines.append(
            ServiceLine(
                line=number,
                charge_cents=line.charge_cents,
                paid_cents=line.paid_cents,
                procedure_code=line.procedure_code,
                qualifier=line.qualifier,
                modifiers=line.modifiers,
                revenue_code=line.revenue_code,
                original_procedure_code=line.original_procedure_code,
                units=line.units,
                service_on=service_on,
                line_control_number=line.reference("6R"),
            )
        )
        adjustments += [
            Adjustment(item.group_code, item.carc, item.amount_cents, item.quantity, number) for item in line.adjustments
        ]
        rarcs += [Remark(code, number) for code in line.rarcs]
    for item in adjustments:
        group_code = item.group_code if len(item.group_code) <= _GROUP_CODE_MAX else _NO_GROUP_CODE
        by_group[group_code] = by_group.get(group_code, 0) + item.amount_cents
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
