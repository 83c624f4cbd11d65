"""What a browser keeps for us so that it can neither read nor change it: AES-GCM under a key of the deployment."""

import base64
import binascii
import hashlib
import hmac
import os
from typing import Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

T = TypeVar("T")

_NONCE_BYTES: Final = 12
_TOLD_MAX: Final = 4_096  # browsers keep no longer cookie


class Sealer:
    """Seals with keys that follow from one secret. `kind` says what something is: opened as another kind, it does not open."""

    def __init__(self, secret: bytes) -> None:
        self._box = AESGCM(_key(secret, b"recours seal"))
        self._mark_key = _key(secret, b"recours mark")

    def seal(self, kind: str, what: msgspec.Struct) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._box.encrypt(nonce, msgspec.json.encode(what), kind.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, kind: str, told: str | None, shape: type[T]) -> T | None:
        """Return what was sealed as this kind; None where it was not, or is not what it was."""
        if not told or len(told) > _TOLD_MAX:
            return None
        try:
            held = base64.b64decode(told + "=" * (-len(told) % 4), altchars=b"-_", validate=True)
            return msgspec.json.decode(self._box.decrypt(held[:_NONCE_BYTES], held[_NONCE_BYTES:], kind.encode()), type=shape)
        except (InvalidTag, ValueError, binascii.Error, msgspec.DecodeError):
            return None

    def mark(self, kind: str, about: str) -> str:
        """Return what only this deployment can say of something: a form of a session carries that of the session."""
        return hmac.new(self._mark_key, f"{kind}\0{about}".encode(), hashlib.sha256).hexdigest()

    def is_mark(self, told: str, kind: str, about: str) -> bool:
        return hmac.compare_digest(told.encode(), self.mark(kind, about).encode())


def _key(secret: bytes, purpose: bytes) -> bytes:
    return hmac.new(secret, purpose, hashlib.sha256).digest()
