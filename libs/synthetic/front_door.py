"""What comes back before any judgement: the 999 to a file of claims, and a payer's 277CA to each claim.

Statuses: A2 with code 20 into judgement; a fault's own category, code and entity (faults.py) where a claim comes back.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from libs.synthetic.faults import Fault
from libs.synthetic.payers import Payer
from libs.x12.acknowledgement import SetAnswer, SetError, Status, StatusCode, StatusRead
from libs.x12.acknowledgement_writer import SetBatch, StatusBatch, write_set_answers, write_statuses
from libs.x12.claim import Claim
from libs.x12.claim_writer import VERSIONS, ClaimBatch
from libs.x12.compose import ELEMENT, TERMINATOR

ACCEPTED: Final = StatusCode("A2", "20", "PR")
_SET_TYPE = "837"
_SEGMENTS_IN_ERROR, _ELEMENT_IN_ERROR, _CODE_VALUE = "5", "8", "7"


def status(claim: Claim, on: date, payer_claim_control_number: str, fault: Fault | None = None) -> StatusRead:
    """Say of a claim that it goes into judgement, or that it comes back for what its fault shows at the door."""
    code = ACCEPTED if fault is None or fault.rejection is None else fault.rejection
    accepted = code is ACCEPTED
    institutional = claim.claim_type == "institutional"
    return StatusRead(
        ordinal=0,
        segment_index=0,
        byte_offset=0,
        level="claim",
        trace=claim.patient_control_number,
        statuses=(Status((code,), on, "WQ" if accepted else "U", claim.charge_cents),),
        payer_name=claim.payer.name,
        payer_id=claim.payer.payer_id,
        provider_npi=claim.billing_provider.npi,
        payer_claim_control_number=payer_claim_control_number if accepted else "",
        type_of_bill=claim.facility_code + claim.frequency_code if institutional else "",
        service_from_on=claim.service_from_on,
        service_to_on=claim.service_to_on if claim.service_to_on != claim.service_from_on else None,
    )


def acknowledge(
    payer: Payer, statuses: Sequence[StatusRead], *, receiver: tuple[str, str], control_number: int, created_at: datetime
) -> bytes:
    """Return one payer's 277CA of a day. `receiver` is (name, id)."""
    by_provider = sorted(statuses, key=lambda each: each.provider_npi)
    reference = f"{payer.prefix}{created_at:%Y%m%d}{control_number:05d}"
    batch = StatusBatch(payer.name, payer.id, *receiver, reference, created_at.date(), by_provider)
    return b"".join(
        write_statuses(
            [batch], sender_id=payer.id, receiver_id=receiver[1], control_number=control_number, created_at=created_at
        )
    )  # fmt: skip


def answer_sets(
    body: bytes,
    groups: Sequence[tuple[int, Sequence[ClaimBatch]]],
    *,
    sender_id: str,
    receiver_id: str,
    control_number: int,
    created_at: datetime,
) -> bytes:
    """Return the 999 to one file: groups by their control numbers, with their batches in the file's order."""
    sets = iter(_sets(body))
    batches = [
        SetBatch(str(group), VERSIONS[sent[0].claim_type], [_answer(next(sets), batch) for batch in sent]) for group, sent in groups
    ]
    return b"".join(
        write_set_answers(
            batches, sender_id=sender_id, receiver_id=receiver_id, control_number=control_number, created_at=created_at
        )
    )  # fmt: skip


def _sets(body: bytes) -> Iterator[list[str]]:
    """Yield the segments of each set from its ST on."""
    current: list[str] = []
    for segment in body.decode("latin-1").split(TERMINATOR):
        if segment.startswith("ST*"):
            current = []
        current.append(segment)
        if segment.startswith("SE*"):
            yield current


def _answer(segments: list[str], batch: ClaimBatch) -> SetAnswer:
    errors = tuple(_errors(segments, batch))
    code, reasons = ("R", (_SEGMENTS_IN_ERROR,)) if errors else ("A", ())
    return SetAnswer(0, 0, 0, "HC", "", _SET_TYPE, segments[0].split(ELEMENT)[2], code, reasons, errors)


def _errors(segments: list[str], batch: ClaimBatch) -> Iterator[SetError]:
    """Name each sex code (DMG03) that is none, and the claim that it stands under."""
    places = [at for at, segment in enumerate(segments, start=1) if segment.startswith("DMG*") and segment.endswith("*Z")]
    claims = [claim for claim in batch.claims if "Z" in (claim.subscriber.sex, claim.patient and claim.patient.sex)]
    for place, claim in zip(places, claims, strict=True):
        loop = "2010CA" if claim.patient else "2010BA"
        yield SetError("DMG", place, loop, _ELEMENT_IN_ERROR, 3, None, _CODE_VALUE, claim.patient_control_number)
