"""A corrected claim as an 837, for who sends it by a connection of their own. Pure."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from libs.x12 import Claim
from libs.x12.claim_writer import ClaimBatch, write_claims

_PARTY_LENGTH: Final = 15
_CONTROL_NUMBERS: Final = 10**9
_PHONE: Final = re.compile(r"^PER\W.*?\WTE\W(\d{7,})")


class Parties(Struct, frozen=True):
    """Between whom the file goes; what is empty is taken from the claim."""

    submitter_name: str = ""
    submitter_id: str = ""
    submitter_phone: str = ""
    receiver_name: str = ""
    receiver_id: str = ""


def complete(told: Parties, claim: Claim) -> Parties:
    """Fill in from the claim: the billing provider sends in its own name, to the payer."""
    provider = claim.billing_provider
    phones = (_PHONE.match(segment) for segment in provider.segments)
    return Parties(
        submitter_name=told.submitter_name or provider.name,
        submitter_id=told.submitter_id or provider.npi or provider.tax_id,
        submitter_phone=told.submitter_phone or next((found[1] for found in phones if found), ""),
        receiver_name=told.receiver_name or claim.payer.name,
        receiver_id=told.receiver_id or claim.payer.payer_id,
    )


def lacking(parties: Parties) -> Iterator[str]:
    """Yield the names of what an 837 must say and nobody said."""
    yield from (name for name in Parties.__struct_fields__ if not getattr(parties, name))


def read(claim: dict[str, Any]) -> Claim:
    """Return the claim that a JSON says. Errors: msgspec.ValidationError."""
    return msgspec.convert(claim, Claim)


def write(claim: Claim, parties: Parties, reference: str, now: datetime) -> str:
    """Return the 837. Errors: ValueError when a value cannot stand in a file."""
    batch = ClaimBatch(
        claims=(claim,),
        reference=reference,
        submitter_name=parties.submitter_name,
        submitter_id=parties.submitter_id,
        submitter_phone=parties.submitter_phone,
        receiver_name=parties.receiver_name,
        receiver_id=parties.receiver_id,
    )
    pieces = write_claims(
        [batch],
        sender_id=parties.submitter_id[:_PARTY_LENGTH],
        receiver_id=parties.receiver_id[:_PARTY_LENGTH],
        control_number=int(now.timestamp()) % _CONTROL_NUMBERS,
        created_at=now,
        line_end="\n",
    )
    return b"".join(pieces).decode("latin-1")
