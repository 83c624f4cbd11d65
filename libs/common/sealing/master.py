"""The master key, which wraps data keys and never meets data: from a file, or from whatever answers like `Kms`."""

import base64
import binascii
import os
import sys
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.errors import Transient
from libs.common.sealing.cipher import KEY_BYTES

_NONCE_BYTES: Final = 12


class Kms(Protocol):
    """What keeps master keys. `bound` must be the same in both directions. Errors: Transient while it is away or lacks the key."""

    @property
    def current(self) -> str:
        """The name of the master key that wraps from now on."""

    async def wrap(self, key: bytes, bound: bytes) -> bytes:
        """Wrap a data key under the current master key."""

    async def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes:
        """Return a data key that the named master key wrapped."""


class KeyFile:
    """Master keys in a file: a line each, a name and 32 bytes in base64; the first one wraps, the others still unwrap."""

    def __init__(self, text: str) -> None:
        self._keys: dict[str, AESGCM] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            name, _, told = line.strip().partition(" ")
            try:
                key = base64.b64decode(told.strip(), validate=True)
            except binascii.Error:
                key = b""
            if len(key) != KEY_BYTES or name in self._keys:
                raise ValueError(f"line {number} is not a new name and {KEY_BYTES} bytes in base64")
            self._keys[name] = AESGCM(key)
        if not self._keys:
            raise ValueError("there is no key in it")
        self.current = next(iter(self._keys))

    async def wrap(self, key: bytes, bound: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._keys[self.current].encrypt(nonce, key, bound)

    async def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes:
        master = self._keys.get(name)
        if master is None:
            raise Transient("master_key_missing")
        try:
            return master.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound)
        except InvalidTag:
            raise Transient("master_key_wrong") from None


class _MasterSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RECOURS_", extra="ignore")

    master_key_file: Path = Field(description="master keys: a line each, a name and 32 bytes in base64; the first one wraps")


class MasterKeyMissing(Exception):  # noqa: N818 - the fact is the name
    """There is no usable master key; the message is one sentence without any of its content."""


@cache
def master() -> Kms:
    """Return this process's keeper of master keys, as the environment says. Errors: MasterKeyMissing."""
    try:
        path = _MasterSettings().master_key_file  # type: ignore[call-arg]  # the environment tells it
    except ValidationError:
        raise MasterKeyMissing("RECOURS_MASTER_KEY_FILE is not told") from None
    try:
        return KeyFile(path.read_text())
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise MasterKeyMissing(f"RECOURS_MASTER_KEY_FILE: {told}") from None


def require_master() -> None:
    """End the process with one sentence where there is no master key: it could read nothing of a patient."""
    try:
        master()
    except MasterKeyMissing as error:
        sys.exit(str(error))


def new_line(name: str) -> str:
    """Return a line of a key file with a new key."""
    return f"{name} {base64.b64encode(os.urandom(KEY_BYTES)).decode()}\n"
