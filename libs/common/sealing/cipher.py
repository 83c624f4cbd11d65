"""Sealing and opening one tenant's cells by AES-256-GCM. Pure.

A sealed cell: four bytes that begin nothing else that is kept, four of the data key's number, twelve drawn at random, the text and
its tag. Authenticated with it are tenant, table, column and row, so that no cell can take another one's place.
Random numbers of twelve bytes are good for 2^32 cells a key (NIST SP 800-38D, section 8.3); a key is to be rotated before that.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Neither UTF-8, nor zstd, nor the length before an LZ4 block of what is kept here begins so.
MARK: Final = b"\xff\xff\xffS"
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_HEAD_BYTES: Final = len(MARK) + 4
OVERHEAD_BYTES: Final = _HEAD_BYTES + _NONCE_BYTES + 16


class Unreadable(Exception):  # noqa: N818 - the fact is the name
    """A cell cannot be opened: it was changed or moved, was never sealed, or its key is destroyed. Says which, never what."""


@dataclass(frozen=True)
class Place:
    """A column that is sealed, and what names its row beside the tenant, each with its type, in the order of the table's key.

    `at_once`: how many rows a rewriting may hold in memory.
    """

    table: str
    column: str
    key: tuple[tuple[str, str], ...]
    at_once: int = 500

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"


def key_of(sealed: bytes) -> int | None:
    """Return the number of the data key that a cell was sealed with; None where it is not sealed."""
    return int.from_bytes(sealed[len(MARK) : _HEAD_BYTES], "big") if sealed[: len(MARK)] == MARK else None


class Cipher:
    """One tenant's data keys by number; the highest seals. `lenient`: what is not sealed yet is read as it is."""

    def __init__(self, tenant_id: str, keys: Mapping[int, bytes], *, lenient: bool = False) -> None:
        self._tenant = tenant_id.encode()
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}
        self.number = max(keys)
        self._head = MARK + self.number.to_bytes(4, "big")
        self._encrypt = self._ciphers[self.number].encrypt
        self.lenient = lenient

    def seal(self, place: Place, row: tuple[Any, ...], plain: bytes) -> bytes:
        """Return a cell as it is kept. `row`: the values of the place's key."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._head + nonce + self._encrypt(nonce, plain, self._bound(place, row))

    def open(self, place: Place, row: tuple[Any, ...], sealed: bytes) -> bytes:
        """Return what a cell holds. Errors: Unreadable."""
        number = key_of(sealed)
        if number is None:
            if self.lenient:
                return sealed
            raise Unreadable("not_sealed")
        cipher = self._ciphers.get(number)
        if cipher is None:
            raise Unreadable("key_destroyed")
        nonce_end = _HEAD_BYTES + _NONCE_BYTES
        try:
            return cipher.decrypt(sealed[_HEAD_BYTES:nonce_end], sealed[nonce_end:], self._bound(place, row))
        except (InvalidTag, ValueError):  # or too short to be anything
            raise Unreadable("changed_or_moved") from None

    def _bound(self, place: Place, row: tuple[Any, ...]) -> bytes:
        named = [each.bytes if isinstance(each, UUID) else str(each).encode() for each in row]
        return b"\x1f".join((self._tenant, place.name.encode(), *named))
