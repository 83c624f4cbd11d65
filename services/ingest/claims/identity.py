"""Which claim is which: a claim is named by its content, so that the same claim sent twice, by file or as JSON, is one claim."""

import hashlib
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from libs.common.ids import named_id
from libs.x12.claim import Claim

_encode = msgspec.json.Encoder().encode


def canonical(claim: Claim) -> Claim:
    """Return a claim without what belongs to its file: positions, and the delimiters of the segments that are only kept."""
    bare = replace(claim, ordinal=0, segment_index=0, byte_offset=0)
    if (claim.separator, claim.component) == ("*", ":"):
        return bare
    plain = str.maketrans({claim.separator: "*", claim.component: ":"})
    return msgspec.convert(_translated(msgspec.to_builtins(bare), plain) | {"separator": "*", "component": ":"}, Claim)


def _translated(value: Any, plain: dict[int, str], key: str = "") -> Any:
    """Write kept segments and elements, at any depth, in the plain delimiters."""
    if isinstance(value, dict):
        return {name: _translated(held, plain, name) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_translated(held, plain, key) for held in value]
    return value.translate(plain) if isinstance(value, str) and key in ("segments", "more") else value


def encoded(claim: Claim) -> bytes:
    """Return the JSON bytes of a claim's content; equal for equal content. They hold patient data."""
    return _encode(canonical(claim))


def claim_id(tenant_id: str, content: bytes) -> UUID:
    """Name a claim by its content (`encoded`)."""
    return named_id("claim", tenant_id, hashlib.blake2b(content, digest_size=16).hexdigest())


def member_reference(key: bytes, tenant_id: str, claim: Claim) -> str:
    """Return what stands for the patient in events: a keyed hash of payer, member number and birth date.

    The same patient of the same payer has the same reference, only in this tenant; without the key it says nothing.
    """
    patient = claim.patient_or_subscriber
    told = "\x1f".join(
        (
            tenant_id,
            claim.payer.payer_id,
            claim.subscriber.member_id.strip().upper(),
            str(patient.birth_on),
            patient.first_name.upper(),
        )
    )
    return hashlib.blake2b(told.encode(), key=key, digest_size=16).hexdigest()
