"""A body on its way in: inflated, measured, hashed and packed away block by block, with bounded memory whatever it is.

No transaction is open while the client sends: an open one would hold up the relay.
"""

import asyncio
import hashlib
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from typing import IO, Final

from starlette.requests import ClientDisconnect, Request

from libs.common.http.problem import Problem
from libs.common.http.rates import Places
from libs.x12 import Finding, InterchangeOpened, InterchangeReader
from services.ingest.packing import pack

MAX_BYTES: Final = 256 * 1024 * 1024
BLOCK_BYTES: Final = 256 * 1024
_HEADER_BYTES: Final = 256  # all that most files have to show: a whole small file read for it is a quarter of its request
_LOOK_BYTES: Final = 4096
_INFLATE_STEP: Final = 256 * 1024
_SPOOL_BYTES: Final = 8 * 1024 * 1024
_GZIP_WINDOW: Final = 31  # zlib's number for "gzip only"

_REFUSALS: Final = {
    "empty": "The body is empty.",
    "not_x12": "The body holds no X12 interchange: no ISA header was found.",
    "ebcdic": "The body is EBCDIC; convert it to ASCII before sending.",
    "truncated_isa": "The body ends inside the interchange header (ISA).",
    "bad_isa": "The interchange header (ISA) has no structure that delimiters could be read from.",
}


def admitted(request: Request) -> AbstractAsyncContextManager[None]:
    """Hold one of the places that there are for uploads. Errors: Problem 429 (the tenant has its share), 503 (all are taken)."""
    uploads: Places = request.app.state.uploads
    return uploads.hold(request.state.caller.tenant_id)


@asynccontextmanager
async def with_room(request: Request) -> AsyncIterator[None]:
    """Hold room as requests do that hold nothing large: a burst of them waits a moment. Errors: Problem 503 (there is none)."""
    room = request.app.state.door.room_for(request.state.caller)
    if room is None:
        yield
        return
    leave = await room.enter()
    try:
        yield
    finally:
        leave()


class Upload:
    """Takes the pieces of a body; afterwards it knows their hash and size and gives the packed blocks back."""

    def __init__(self, *, bytes_max: int, is_x12: bool = True) -> None:
        self._bytes_max = bytes_max
        self._hash = hashlib.sha256()
        self._block = bytearray()
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - closed by close()
        self._lengths: list[int] = []
        self._front = InterchangeReader() if is_x12 else None  # None once there was a header
        self.size_bytes = 0

    async def take(self, body: AsyncIterator[bytes], *, gzip: bool) -> None:
        """Take a whole body. Errors: Problem 413 (too large), 400 (broken gzip, broken off), 422 (no X12)."""
        pieces = inflate(body) if gzip else body
        try:
            async for piece in pieces:
                await self._take_piece(piece)
        except ClientDisconnect as error:
            raise Problem(400, "broken-off", "The connection ended before the body did; nothing was stored.") from error
        if self._block or not self._lengths:
            self._pack(bytes(self._block))
        if self._front is not None and len(self._lengths) == 1:  # the front is all there is: what ends too soon shows only now
            self._check_front(self._front.close())

    async def _take_piece(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes > self._bytes_max:
            raise too_large(self._bytes_max)
        self._hash.update(piece)
        self._block += piece
        while len(self._block) >= BLOCK_BYTES:
            self._pack(bytes(self._block[:BLOCK_BYTES]))
            del self._block[:BLOCK_BYTES]
            await asyncio.sleep(0)  # what inflates to much comes without a pause of its own

    def _pack(self, block: bytes) -> None:
        if not self._lengths:
            self._look(block)
        packed = pack(block)
        self._spool.write(packed)
        self._lengths.append(len(packed))

    def _look(self, block: bytes) -> None:
        """Look for a header, and no further: claims are the worker's business."""
        ends = [_HEADER_BYTES, *range(_LOOK_BYTES, len(block) + _LOOK_BYTES, _LOOK_BYTES)]
        for start, end in pairwise((0, *ends)):
            if self._front is not None and start < len(block):
                self._check_front(self._front.feed(block[start:end]))

    def _check_front(self, items: Sequence[object]) -> None:
        """Refuse at the door what is no X12 at all; the x12 library's own first look decides."""
        for item in items:
            if isinstance(item, InterchangeOpened):
                self._front = None
                return
            if isinstance(item, Finding) and item.code in _REFUSALS:
                raise Problem(422, item.code.replace("_", "-"), _REFUSALS[item.code], byte_offset=item.byte_offset)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def blocks(self) -> Iterator[bytes]:
        """Yield the packed blocks, in order."""
        self._spool.seek(0)
        for length in self._lengths:
            yield self._spool.read(length)

    def close(self) -> None:
        self._spool.close()


def too_large(bytes_max: int) -> Problem:
    return Problem(413, "too-large", f"A file may have {bytes_max} bytes at most; split it.")


async def spooled(body: AsyncIterator[bytes], max_bytes: int, too_large_: Problem) -> IO[bytes]:
    """Take a whole body before any of it is answered: many clients send all before they read anything. The caller closes it.

    Errors: `too_large_`; Problem 400 (broken off).
    """
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - closed by who reads it, or here
    size = 0
    try:
        async for piece in body:
            size += len(piece)
            if size > max_bytes:
                raise too_large_
            spool.write(piece)
    except ClientDisconnect as error:
        spool.close()
        raise Problem(400, "broken-off", "The connection ended before the body did; nothing was stored.") from error
    except Problem:
        spool.close()
        raise
    spool.seek(0)
    return spool


async def inflate(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Inflate gzip of one or more members, a bounded step at a time: a bomb is stopped by the size check, not by memory."""
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        async for piece in body:
            rest = piece
            while rest:
                if inflater.eof:
                    inflater = zlib.decompressobj(_GZIP_WINDOW)
                yield inflater.decompress(rest, _INFLATE_STEP)
                rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    except zlib.error as error:
        raise Problem(400, "bad-gzip", "The body is not valid gzip.") from error
    if not inflater.eof:
        raise Problem(400, "bad-gzip", "The gzip body ends too soon.")
