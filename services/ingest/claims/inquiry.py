"""The 276 that asks a payer where a claim is: what it needs of the claim, and its bytes. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from libs.x12 import Claim
from libs.x12.acknowledgement_writer import Inquiry, write_inquiry

_PARTY_LENGTH: Final = 15
_CONTROL_NUMBERS: Final = 10**9


def lacking(claim: Claim) -> Iterator[tuple[str, str]]:
    """Yield (pointer into the claim's JSON, what is wrong) for all that keeps it from being asked for."""
    person = claim.patient_or_subscriber
    needed = {
        "/patient_control_number": claim.patient_control_number,
        "/payer/name": claim.payer.name,
        "/payer/payer_id": claim.payer.payer_id,
        "/billing_provider/name": claim.billing_provider.name,
        "/billing_provider/npi": claim.billing_provider.npi or claim.billing_provider.tax_id,
        "/subscriber/last_name": claim.subscriber.last_name,
        "/subscriber/member_id": claim.subscriber.member_id,
        "/patient/birth_on" if claim.patient else "/subscriber/birth_on": person.birth_on,
        "/lines/0/service_from_on": claim.service_from_on,
    }
    yield from ((pointer, "is missing") for pointer, value in needed.items() if not value)
    if len(claim.payer.payer_id) > _PARTY_LENGTH:
        yield "/payer/payer_id", f"has more than {_PARTY_LENGTH} characters"


def write(claim: Claim, claim_id: UUID, payer_claim_control_number: str, now: datetime) -> bytes:
    """Return a 276 about a claim that lacks nothing. The provider asks in its own name; the claim's id is the trace.

    Errors: ValueError when a value of the claim cannot stand in a file.
    """
    provider = claim.billing_provider
    own = provider.npi or provider.tax_id
    return write_inquiry(
        Inquiry(claim, claim_id.hex, provider.name, own, payer_claim_control_number),
        sender_id=own[:_PARTY_LENGTH],
        receiver_id=claim.payer.payer_id,
        control_number=int(now.timestamp()) % _CONTROL_NUMBERS,
        created_at=now,
    )
