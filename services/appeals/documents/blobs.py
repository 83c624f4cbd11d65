"""Where the bytes of documents rest: a folder, or an object store of any kind. Each lies under a key of its own and never changes.

Bytes come before the row that names them and go after it, so that a crash leaves bytes without a row, never a row without bytes.
"""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from libs.common.errors import Transient
from libs.common.ids import uuid7

_DOCUMENTS: Final = "documents"  # packets may lie in the same store, and are no business of the sweep
_KEY: Final = re.compile(rf"{_DOCUMENTS}/[0-9a-f]+/[0-9a-f-]{{36}}")
_PIECE_BYTES: Final = 256 * 1024
_UPLOAD_BYTES: Final = 5 * 1024 * 1024


def open_store(told: str) -> ObjectStore:
    """Return the store at a URL, or the folder of this name."""
    return from_url(told) if "://" in told else LocalStore(Path(told).resolve(), mkdir=True)


class Blobs:
    """The bytes of all tenants' documents. Every method's errors: Transient when the store is away."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, tenant_id: str, file: IO[bytes], name: str | None = None) -> str:
        """Keep a file's bytes and return their key, a new one, or one that follows from a name: whole, or not at all."""
        folder = tenant_id.encode().hex()
        key = f"{folder}/{name}" if name else f"{_DOCUMENTS}/{folder}/{uuid7()}"
        file.seek(0)
        try:
            await obstore.put_async(self._store, key, file, chunk_size=_UPLOAD_BYTES, max_concurrency=2)
        except (BaseError, OSError) as error:
            raise Transient("documents_away") from error
        return key

    async def stream(self, key: str, first: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from one place to before another, piece by piece."""
        if first >= end:
            return
        try:
            told = await obstore.get_async(self._store, key, options={"range": (first, end)})
            async for piece in told.stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)
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
