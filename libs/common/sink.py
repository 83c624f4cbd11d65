"""A file in memory whose bytes are taken away as they are written: for writers of formats, whose output is sent piece by piece."""

import io
from typing import Any


class Sink(io.RawIOBase):
    """A file that is only written to, and whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, piece: Any) -> int:
        told = bytes(piece)
        self._held += told
        self._place += len(told)
        return len(told)

    def drain(self) -> bytes:
        """Return what was written since the last time."""
        told = bytes(self._held)
        self._held.clear()
        return told
