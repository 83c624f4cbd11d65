"""The answer to a request for records: which documents go together, and what a claim says of it. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from libs.x12 import Claim
from libs.x12.records_answer import AnswerDocument, Content, RecordsAnswer, write_answers

_PARTY_LENGTH: Final = 15
_CONTROL_NUMBERS: Final = 10**9
_REFERENCE_LENGTH: Final = 30


class TooLarge(Exception):  # noqa: N818 - the fact is the name
    """A document is larger than the payer takes one. `place` counts from 0."""

    def __init__(self, place: int) -> None:
        super().__init__("document_too_large")
        self.place = place


class Asked(Struct, frozen=True):
    """Which request is answered."""

    reference: str
    trace: str
    payer_name: str
    payer_id: str
    payer_claim_control_number: str


def split(sizes: Sequence[int], documents_max: int, document_bytes_max: int, bytes_max: int) -> list[list[int]]:
    """Return the places of documents that go together, in order. Errors: TooLarge."""
    packets: list[list[int]] = []
    held = 0
    for place, size in enumerate(sizes):
        if size > min(document_bytes_max, bytes_max):
            raise TooLarge(place)
        if not packets or len(packets[-1]) == documents_max or held + size > bytes_max:
            packets.append([])
            held = 0
        packets[-1].append(place)
        held += size
    return packets


def lacking(asked: Asked, claim: Claim) -> Iterator[str]:
    """Yield the names of what an answer must say and nobody said."""
    needed = {
        "trace": asked.trace,
        "payer_name": asked.payer_name,
        "payer_id": asked.payer_id,
        "provider_name": claim.billing_provider.name,
        "provider_npi": claim.billing_provider.npi,
        "patient_name": claim.patient_or_subscriber.last_name,
        "member_id": claim.subscriber.member_id,
        "service_from_on": claim.service_span()[0],
    }
    yield from (name for name, value in needed.items() if not value)


def write(asked: Asked, claim: Claim, packets: Sequence[Sequence[AnswerDocument]], now: datetime) -> Iterator[bytes | Content]:
    """Return the 275 of a claim that lacks nothing, a set for each packet. Errors: ValueError when a value cannot stand in it."""
    person, (first, last) = claim.patient_or_subscriber, claim.service_span()
    if first is None:
        raise ValueError("the claim has no day of service")
    answers = [
        RecordsAnswer(
            reference=f"{asked.reference[:_REFERENCE_LENGTH]}-{number}",
            trace=asked.trace,
            payer_name=asked.payer_name,
            payer_id=asked.payer_id,
            provider_name=claim.billing_provider.name,
            provider_npi=claim.billing_provider.npi,
            last_name=person.last_name,
            first_name=person.first_name,
            member_id=claim.subscriber.member_id,
            patient_control_number=claim.patient_control_number,
            payer_claim_control_number=asked.payer_claim_control_number,
            service_from_on=first,
            service_to_on=last if last != first else None,
            documents=documents,
        )
        for number, documents in enumerate(packets, start=1)
    ]
    return write_answers(
        answers,
        sender_id=claim.billing_provider.npi[:_PARTY_LENGTH],
        receiver_id=asked.payer_id[:_PARTY_LENGTH],
        control_number=int(now.timestamp()) % _CONTROL_NUMBERS,
        created_at=now,
    )
