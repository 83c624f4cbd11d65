"""Seals: what the worker signs of a chain, with a key that the database never sees, so that nobody there can make another. Pure."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from libs.common.audit.entries import SealKind

_VERSION: Final = "recours.audit.seal.v1"

Keys = Mapping[str, bytes]  # public keys by their id


class Seal(Struct, frozen=True):
    """A place of a tenant's chain and the hash there. A `cut`: what stood up to there was kept long enough, and is gone."""

    kind: SealKind
    seq: int
    hash: bytes
    sealed_at: datetime
    key_id: str | None = None
    signature: bytes | None = None


class Signer:
    """Signs seals by Ed25519, with a key that follows from a secret."""

    def __init__(self, secret: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"recours.audit.key\x1f{secret}".encode()).digest())
        self.public_key = self._key.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public_key)

    def sign(self, service: str, tenant_id: str, seal: Seal) -> Seal:
        signature = self._key.sign(_message(service, tenant_id, seal))
        return msgspec.structs.replace(seal, key_id=self.key_id, signature=signature)


def key_id_of(public_key: bytes) -> str:
    return hashlib.sha256(public_key).hexdigest()[:16]


def is_signed(service: str, tenant_id: str, seal: Seal, keys: Keys) -> bool:
    """Say whether a seal was signed by one of the keys."""
    key = keys.get(seal.key_id or "")
    if key is None or seal.signature is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(seal.signature, _message(service, tenant_id, seal))
    except InvalidSignature:
        return False
    return True


def _message(service: str, tenant_id: str, seal: Seal) -> bytes:
    at = seal.sealed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return msgspec.json.encode([_VERSION, service, tenant_id, seal.kind, seal.seq, seal.hash.hex(), at])
