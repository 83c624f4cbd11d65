"""Where the bytes of documents rest: a folder, or an object store of any kind. Each lies under a key of its own and never changes.

All are sealed for their tenant (frames.py). Bytes come before the row that names them and go after it, so that a crash leaves bytes
without a row, never a row without bytes.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import IO, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.ids import uuid7
from libs.common.object_stores import discard_unfinished
from libs.common.sealing.cipher import Cipher, key_of
from libs.common.sealing.keys import cipher_for
from libs.common.sealing.rewriting import Step
from services.appeals.documents import frames

_DOCUMENTS: Final = "documents"  # packets may lie in the same store, and are no business of the sweep
_KEY: Final = re.compile(rf"{_DOCUMENTS}/[0-9a-f]+/[0-9a-f-]{{36}}")
_PIECE_BYTES: Final = 256 * 1024
_UPLOAD_BYTES: Final = 5 * 1024 * 1024
_OBJECTS_AT_ONCE: Final = 10


class Blobs:
    """The bytes of all tenants' documents. Every method's errors: Transient when the store or the key is away."""

    def __init__(self, store: ObjectStore, database: Database) -> None:
        self._store = store
        self._database = database

    async def put(self, tenant_id: str, file: IO[bytes], name: str | None = None) -> str:
        """Keep a file's bytes and return their key, a new one, or one that follows from a name: whole, or not at all."""
        folder = tenant_id.encode().hex()
        key = f"{folder}/{name}" if name else f"{_DOCUMENTS}/{folder}/{uuid7()}"
        file.seek(0)
        await self._write(key, frames.sealed_pieces(await cipher_for(self._database, tenant_id), key, file))
        return key

    async def _write(self, key: str, pieces: Iterator[bytes] | AsyncIterator[bytes]) -> None:
        try:
            await obstore.put_async(self._store, key, pieces, chunk_size=_UPLOAD_BYTES, max_concurrency=2)
        except (BaseError, OSError) as error:
            raise Transient("documents_away") from error

    async def stream(self, key: str, first: int, end: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from one place to before another, piece by piece."""
        if first >= end:
            return
        cipher = await cipher_for(self._database, _tenant_of(key))
        try:
            head, version, kept_bytes = await self._head(key)
            if key_of(head) is None and cipher.lenient:  # not sealed yet
                told = await obstore.get_async(self._store, key, options={"range": (first, end), "if_match": version})
                async for piece in told.stream(min_chunk_size=_PIECE_BYTES):
                    yield bytes(piece)
                return
            opened = frames.Frames(cipher, key, head, kept_bytes)
            async for piece in self._opened(key, opened, first, end):
                yield piece
        except (BaseError, OSError) as error:
            raise Transient("documents_away") from error

    async def _head(self, key: str) -> tuple[bytes, str | None, int]:
        told = await obstore.get_async(self._store, key, options={"range": (0, frames.HEAD_BYTES)})
        return bytes(await told.bytes_async()), told.meta["e_tag"], told.meta["size"]

    async def _opened(self, key: str, opened: frames.Frames, first: int, end: int) -> AsyncIterator[bytes]:
        number = first // frames.FRAME_BYTES
        told = await obstore.get_async(self._store, key, options={"range": opened.span(first, end)})
        held = bytearray()
        skipped = number * frames.FRAME_BYTES
        async for piece in told.stream(min_chunk_size=_PIECE_BYTES):
            held += piece
            while len(held) >= frames.SEALED_FRAME_BYTES:
                frame = opened.open(number, bytes(held[: frames.SEALED_FRAME_BYTES]))
                del held[: frames.SEALED_FRAME_BYTES]
                yield frame[max(0, first - skipped) : end - skipped]
                number, skipped = number + 1, skipped + frames.FRAME_BYTES
        if held:
            yield opened.open(number, bytes(held))[max(0, first - skipped) : end - skipped]

    async def size_of(self, key: str) -> int | None:
        """Return how many bytes lie under a key, as they are read; None where there are none any more."""
        try:
            head, _, kept_bytes = await self._head(key)
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise Transient("documents_away") from error
        return kept_bytes if key_of(head) is None else frames.plain_bytes(kept_bytes)

    async def keys_of(self, tenant_id: str) -> AsyncIterator[list[str]]:
        """Yield the keys of all that a tenant has here, some at a time."""
        folder = tenant_id.encode().hex()
        try:
            for prefix in (f"{_DOCUMENTS}/{folder}", folder):
                async for found in obstore.list(self._store, prefix, chunk_size=500):
                    yield [each["path"] for each in found]
        except (BaseError, OSError) as error:
            raise Transient("documents_away") from error

    async def discard_under(self, tenant_id: str, name: str) -> None:
        """Forget all of a tenant's bytes that were kept under names in a folder, whoever wrote them there."""
        try:
            async for found in obstore.list(self._store, f"{tenant_id.encode().hex()}/{name}", chunk_size=500):
                await self.discard([each["path"] for each in found])
        except (BaseError, OSError) as error:
            raise Transient("documents_away") from error

    async def fetch(self, key: str, size_bytes: int, file: IO[bytes]) -> None:
        """Write the bytes of one key into a file."""
        async for piece in self.stream(key, 0, size_bytes):
            file.write(piece)
        file.seek(0)

    async def discard(self, keys: Sequence[str]) -> None:
        """Forget bytes; those that are not there are no matter."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise Transient("documents_away") from error

    async def older_than(self, before: datetime) -> AsyncIterator[list[str]]:
        """Yield the keys of documents' bytes that were written before a moment, some at a time, and no other keys."""
        try:
            async for found in obstore.list(self._store, _DOCUMENTS, chunk_size=500):
                yield [each["path"] for each in found if each["last_modified"] < before and _KEY.fullmatch(each["path"])]
        except (BaseError, OSError) as error:
            raise Transient("documents_away") from error

    async def discard_unfinished(self, before: datetime) -> int:
        """Forget what was begun before a moment and is still not whole; return how many."""
        try:
            return await asyncio.to_thread(discard_unfinished, self._store, before)
        except OSError as error:
            raise Transient("documents_away") from error

    async def step(self, tx: AsyncConnection, tenant_id: str, cipher: Cipher, after: tuple[str, ...] | None) -> Step:  # noqa: ARG002 - as for tables
        """Seal a tenant's objects anew, some after a key; the frames of those that are sealed stay as they are.

        One is written whole in the place of the one before, with the same bytes in it: who reads at that moment notices nothing,
        or is told to try again.
        """
        folder = tenant_id.encode().hex()
        prefixes = (f"{_DOCUMENTS}/{folder}", folder)
        last = after[0] if after else None
        keys: list[str] = []
        try:
            for prefix in prefixes:
                async for found in obstore.list(self._store, prefix, offset=last, chunk_size=500):
                    keys = sorted([*keys, *(each["path"] for each in found)])[: _OBJECTS_AT_ONCE + 1]
            changed = [await self._seal_anew(cipher, key) for key in keys[:_OBJECTS_AT_ONCE]]
        except (BaseError, OSError) as error:
            raise Transient("documents_away") from error
        further = (keys[_OBJECTS_AT_ONCE - 1],) if len(keys) > _OBJECTS_AT_ONCE else None
        return Step(further, len(changed), any(changed))

    async def _seal_anew(self, cipher: Cipher, key: str) -> bool:
        """Seal one object with the current data key; False where it is."""
        try:
            head, version, _ = await self._head(key)
            if key_of(head) == cipher.number:
                return False
            told = await obstore.get_async(self._store, key, options={"if_match": version})
        except FileNotFoundError:  # it went meanwhile
            return False
        if key_of(head) is None:
            with tempfile.TemporaryFile() as file:
                async for piece in told.stream(min_chunk_size=_PIECE_BYTES):
                    file.write(piece)
                file.seek(0)
                await self._write(key, frames.sealed_pieces(cipher, key, file))
            return True

        async def pieces() -> AsyncIterator[bytes]:
            yield cipher.seal(frames.OBJECT, (key,), cipher.open(frames.OBJECT, (key,), head))
            passed = 0
            async for piece in told.stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)[max(0, frames.HEAD_BYTES - passed) :]
                passed += len(piece)

        await self._write(key, pieces())
        return True


def _tenant_of(key: str) -> str:
    """Return the tenant whose bytes lie under a key."""
    folder = key.removeprefix(f"{_DOCUMENTS}/").partition("/")[0]
    return bytes.fromhex(folder).decode()
