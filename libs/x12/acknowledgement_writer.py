"""What payers answer to claims, written: 277CA, 277 and 999, for the sandbox and the tests; and the 276 that asks for a status.

What is written of a 277CA or 999 is read back equal, but for positions.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Literal

from msgspec import Struct

from libs.x12.acknowledgement import LineStatus, SetAnswer, SetError, Status, StatusRead
from libs.x12.claim import Claim
from libs.x12.compose import amount, composite, day, envelope, period, segment

_ACKNOWLEDGEMENT, _INQUIRY, _SETS = "005010X214", "005010X212", "005010X231A1"


class StatusBatch(Struct, frozen=True):
    """One 277CA: what a payer says of claims. `statuses` are of level `claim`; those of one provider follow one another."""

    payer_name: str
    payer_id: str
    receiver_name: str
    receiver_id: str
    reference: str
    received_on: date
    statuses: Sequence[StatusRead]


class SetBatch(Struct, frozen=True):
    """One 999: what becomes of the sets of one functional group."""

    group_control_number: str
    group_version: str
    answers: Sequence[SetAnswer]
    functional_id: str = "HC"


class Inquiry(Struct, frozen=True):
    """One 276: where is this claim? `trace` comes back in the answer."""

    claim: Claim
    trace: str
    submitter_name: str
    submitter_id: str
    payer_claim_control_number: str = ""


def write_statuses(
    batches: Sequence[StatusBatch],
    *,
    sender_id: str,
    receiver_id: str,
    control_number: int,
    created_at: datetime,
    line_end: str = "",
) -> Iterator[bytes]:
    """Yield the bytes of one interchange of 277CA transactions. Errors: ValueError when a value cannot stand in a file."""
    return envelope(
        [("HN", _ACKNOWLEDGEMENT, [_statuses(batch, created_at) for batch in batches])],
        sender_id=sender_id,
        receiver_id=receiver_id,
        control_number=control_number,
        created_at=created_at,
        line_end=line_end,
    )


def write_set_answers(
    batches: Sequence[SetBatch],
    *,
    sender_id: str,
    receiver_id: str,
    control_number: int,
    created_at: datetime,
    line_end: str = "",
) -> Iterator[bytes]:
    """Yield the bytes of one interchange of 999 transactions. Errors: ValueError when a value cannot stand in a file."""
    return envelope(
        [("FA", _SETS, map(_sets, batches))],
        sender_id=sender_id,
        receiver_id=receiver_id,
        control_number=control_number,
        created_at=created_at,
        line_end=line_end,
    )


def write_inquiry(
    inquiry: Inquiry, *, sender_id: str, receiver_id: str, control_number: int, created_at: datetime, line_end: str = ""
) -> bytes:
    """Return the bytes of one 276. Errors: ValueError when a value cannot stand in a file."""
    return b"".join(
        envelope(
            [("HR", _INQUIRY, [_inquiry(inquiry, created_at)])],
            sender_id=sender_id,
            receiver_id=receiver_id,
            control_number=control_number,
            created_at=created_at,
            line_end=line_end,
        )
    )


def _statuses(batch: StatusBatch, created_at: datetime) -> list[str]:
    segments = [
        segment("ST", "277", "", _ACKNOWLEDGEMENT),
        segment("BHT", "0085", "08", batch.reference, day(created_at.date()), f"{created_at:%H%M}", "TH"),
        segment("HL", "1", "", "20", "1"),
        segment("NM1", "PR", "2", batch.payer_name, "", "", "", "", "PI", batch.payer_id),
        segment("TRN", "1", batch.reference),
        period("DTP", "050", batch.received_on, None),
        period("DTP", "009", created_at.date(), None),
        segment("HL", "2", "1", "21", "1"),
        segment("NM1", "41", "2", batch.receiver_name, "", "", "", "", "46", batch.receiver_id),
    ]
    level = 2
    for npi, run in groupby(batch.statuses, key=lambda status: status.provider_npi):
        level += 1
        provider = level
        segments += [
            segment("HL", str(level), "2", "19", "1"),
            segment("NM1", "85", "2", "PROVIDER", "", "", "", "", "XX", npi),
            segment("TRN", "1", "0"),
        ]
        for status in run:
            level += 1
            segments += [segment("HL", str(level), str(provider), "PT"), segment("NM1", "QC", "1", "PATIENT")]
            segments += _claim_status(status)
    return segments


def _claim_status(status: StatusRead) -> Iterator[str]:
    yield segment("TRN", "2", status.trace)
    yield from map(_status, status.statuses)
    for qualifier, value in (
        ("1K", status.payer_claim_control_number),
        ("D9", status.clearinghouse_number),
        ("BLT", status.type_of_bill),
    ):
        if value:
            yield segment("REF", qualifier, value)
    if status.service_from_on is not None:
        yield period("DTP", "472", status.service_from_on, status.service_to_on)
    for line in status.lines:
        yield from _line_status(line)


def _line_status(line: LineStatus) -> Iterator[str]:
    charge = "" if line.charge_cents is None else amount(line.charge_cents)
    yield segment("SVC", composite(line.qualifier, line.procedure_code, *line.modifiers), charge, "", line.revenue_code)
    yield from map(_status, line.statuses)
    if line.line_control_number:
        yield segment("REF", "FJ", line.line_control_number)
    if line.service_from_on is not None:
        yield period("DTP", "472", line.service_from_on, None)


def _status(status: Status) -> str:
    codes = [composite(each.category, each.code, each.entity) for each in status.codes] + ["", "", ""]
    amounts = ["" if cents is None else amount(cents) for cents in (status.charge_cents, status.paid_cents)]
    on = day(status.effective_on) if status.effective_on else ""
    return segment("STC", codes[0], on, status.action, *amounts, "", "", "", "", codes[1], codes[2], status.message)


def _sets(batch: SetBatch) -> list[str]:
    segments = [
        segment("ST", "999", "", _SETS),
        segment("AK1", batch.functional_id, batch.group_control_number, batch.group_version),
    ]
    for answer in batch.answers:
        segments.append(segment("AK2", answer.set_type, answer.set_control_number))
        for _, run in groupby(answer.errors, key=_where):
            segments += _segment_errors(list(run))
        segments.append(segment("IK5", answer.code, *answer.reasons))
    accepted = sum(answer.code in ("A", "E") for answer in batch.answers)
    count = str(len(batch.answers))
    code: Literal["A", "P", "R"] = "A" if accepted == len(batch.answers) else "P" if accepted else "R"
    segments.append(segment("AK9", code, count, count, str(accepted)))
    return segments


def _where(error: SetError) -> tuple[object, ...]:
    """Return what errors under one IK3 share."""
    return error.segment_id, error.segment_position, error.loop, error.segment_code, error.patient_control_number


def _segment_errors(errors: Sequence[SetError]) -> Iterator[str]:
    first = errors[0]
    position = "" if first.segment_position is None else str(first.segment_position)
    yield segment("IK3", first.segment_id, position, first.loop, first.segment_code)
    if first.patient_control_number:
        yield segment("CTX", composite("CLM01", first.patient_control_number))
    for error in errors:
        if error.element is not None:
            at = composite(str(error.element), "" if error.component is None else str(error.component))
            yield segment("IK4", at, "", error.element_code)


def _inquiry(inquiry: Inquiry, created_at: datetime) -> list[str]:
    claim = inquiry.claim
    provider, subscriber = claim.billing_provider, claim.subscriber
    identified = ("XX", provider.npi) if provider.npi else ("FI", provider.tax_id)
    has_patient = claim.patient is not None
    segments = [
        segment("ST", "276", "", _INQUIRY),
        segment("BHT", "0010", "13", inquiry.trace, day(created_at.date()), f"{created_at:%H%M}"),
        segment("HL", "1", "", "20", "1"),
        segment("NM1", "PR", "2", claim.payer.name, "", "", "", "", claim.payer.id_qualifier or "PI", claim.payer.payer_id),
        segment("HL", "2", "1", "21", "1"),
        segment("NM1", "41", "2", inquiry.submitter_name, "", "", "", "", "46", inquiry.submitter_id),
        segment("HL", "3", "2", "19", "1"),
        segment("NM1", "1P", "1" if provider.is_person else "2", provider.name, provider.first_name, "", "", "", *identified),
        segment("HL", "4", "3", "22", "1" if has_patient else "0"),
    ]
    born = [] if subscriber.birth_on is None else [segment("DMG", "D8", day(subscriber.birth_on), subscriber.sex)]
    named = segment(
        "NM1", "IL", "1" if subscriber.is_person else "2", subscriber.last_name, subscriber.first_name, "", "", "",
        subscriber.id_qualifier or "MI", subscriber.member_id,
    )  # fmt: skip
    if claim.patient is None:
        segments += [*born, named]
    else:
        patient = claim.patient
        segments += [named, segment("HL", "5", "4", "23")]
        if patient.birth_on is not None:
            segments.append(segment("DMG", "D8", day(patient.birth_on), patient.sex))
        segments.append(segment("NM1", "QC", "1", patient.last_name, patient.first_name))
    segments.append(segment("TRN", "1", inquiry.trace))
    if inquiry.payer_claim_control_number:
        segments.append(segment("REF", "1K", inquiry.payer_claim_control_number))
    segments.append(segment("REF", "EJ", claim.patient_control_number))
    segments.append(segment("AMT", "T3", amount(claim.charge_cents)))
    if claim.service_from_on is not None:
        segments.append(period("DTP", "472", claim.service_from_on, claim.service_to_on or claim.service_from_on))
    return segments
