"""How an object is sealed beside the database: a key of its own, sealed as a cell is, then the bytes in frames. Pure.

A frame holds 64 KiB and is sealed for itself, so that any range can be read without the rest. What is authenticated with it is its
number and whether it is the last: frames cannot change places, and an object that was cut off is not read. The key is drawn for the
object and never used again, so the frame's number can be the nonce. A rotation seals the object's key anew; the frames stay.
"""

import os
from collections.abc import Iterator
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.sealing.cipher import KEY_BYTES, OVERHEAD_BYTES, Cipher, Place, Unreadable

OBJECT: Final = Place("objects", "head", (("key", "text"),))
HEAD_BYTES: Final = OVERHEAD_BYTES + KEY_BYTES
FRAME_BYTES: Final = 64 * 1024
_TAG_BYTES: Final = 16
SEALED_FRAME_BYTES: Final = FRAME_BYTES + _TAG_BYTES


def sealed_pieces(cipher: Cipher, key: str, file: IO[bytes]) -> Iterator[bytes]:
    """Yield an object as it is kept: its head and its frames, of which there is at least one."""
    own = os.urandom(KEY_BYTES)
    yield cipher.seal(OBJECT, (key,), own)
    frames = AESGCM(own)
    number, frame = 0, file.read(FRAME_BYTES)
    while True:
        following = file.read(FRAME_BYTES)
        yield frames.encrypt(_nonce(number), frame, _told(number, is_last=not following))
        if not following:
            return
        number, frame = number + 1, following


def plain_bytes(kept_bytes: int) -> int:
    """Return how long an object is that is kept in so many bytes."""
    frames = -(-(kept_bytes - HEAD_BYTES) // SEALED_FRAME_BYTES)
    return kept_bytes - HEAD_BYTES - frames * _TAG_BYTES


class Frames:
    """An object that is to be read. `kept_bytes`: how long it is as it is kept."""

    def __init__(self, cipher: Cipher, key: str, head: bytes, kept_bytes: int) -> None:
        self._frames = AESGCM(cipher.open(OBJECT, (key,), head))
        self._last = max(0, -(-(kept_bytes - HEAD_BYTES) // SEALED_FRAME_BYTES) - 1)

    @staticmethod
    def span(first: int, end: int) -> tuple[int, int]:
        """Return where the frames lie, as kept, that hold the bytes from one place to before another."""
        begin, last = first // FRAME_BYTES, (end - 1) // FRAME_BYTES
        return HEAD_BYTES + begin * SEALED_FRAME_BYTES, HEAD_BYTES + (last + 1) * SEALED_FRAME_BYTES

    def open(self, number: int, sealed: bytes) -> bytes:
        """Return what a frame holds. Errors: Unreadable."""
        try:
            return self._frames.decrypt(_nonce(number), sealed, _told(number, is_last=number == self._last))
        except InvalidTag:
            raise Unreadable("changed_or_moved") from None


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _told(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(8, "big") + (b"\x01" if is_last else b"\x00")
