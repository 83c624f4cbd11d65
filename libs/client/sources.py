"""Files to send: opened early, read in pieces, and rewound when a request is repeated."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from libs.client.errors import ClientError
from libs.client.transport import Body

STANDARD_INPUT: Final = "-"
_PIECE_BYTES: Final = 256 * 1024
X12: Final = "application/edi-x12"
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Source(Struct, frozen=True):
    """A file by its name; None stands for what was read from standard input."""

    name: str
    held: IO[bytes] | None

    def open(self) -> IO[bytes]:
        return self.held if self.held is not None else Path(self.name).open("rb")


def find(names: list[str]) -> list[Source]:
    """Look at all files before any is sent. Errors: ClientError names the one that cannot be read."""
    if names.count(STANDARD_INPUT) > 1:
        raise ClientError("Standard input (-) can be sent once only.")
    sources = []
    for name in names:
        if name == STANDARD_INPUT:
            sources.append(Source("standard input", _keep_standard_input()))
            continue
        try:
            with Path(name).open("rb"):
                sources.append(Source(name, None))
        except OSError as error:
            raise ClientError(f"{name}: {error.strerror}; nothing was sent.") from error
    return sources


def _keep_standard_input() -> IO[bytes]:
    """Put standard input into an unnamed file: its size is known then, and it can be sent again."""
    kept: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
    shutil.copyfileobj(sys.stdin.buffer, kept, _PIECE_BYTES)
    return kept


def body_of(file: IO[bytes], told: Callable[[int], None], media_type: str = X12) -> Body:
    """Return a file as a request's body; gzip is known by its first bytes. `told` hears how many bytes are on their way."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC

    def chunks() -> Iterator[bytes]:
        file.seek(0)
        sent = 0
        while piece := file.read(_PIECE_BYTES):
            yield piece
            sent += len(piece)
            told(sent)

    headers = {"Content-Type": media_type} | ({"Content-Encoding": "gzip"} if packed else {})
    return Body(chunks, size_bytes, headers)


def media_type(file: IO[bytes]) -> str:
    """Tell JSON from X12 by the first byte that is no blank."""
    file.seek(0)
    return "application/json" if file.read(_PIECE_BYTES).lstrip()[:1] in (b"{", b"[") else X12


def joined(files: Sequence[IO[bytes]], told: Callable[[int], None]) -> Body:
    """Return files one after the other as one request's body."""

    def chunks() -> Iterator[bytes]:
        sent = 0
        for file in files:
            file.seek(0)
            while piece := file.read(_PIECE_BYTES):
                yield piece
                sent += len(piece)
                told(sent)

    size_bytes = sum(file.seek(0, os.SEEK_END) for file in files)
    return Body(chunks, size_bytes, {"Content-Type": "text/plain"})
