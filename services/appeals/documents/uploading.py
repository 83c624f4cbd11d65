"""A document on its way in: raw or as a form, streamed to disk, never whole in memory, measured and hashed."""

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Final

from msgspec import Struct
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from libs.common.http.problem import Problem

BYTES_MAX: Final = 50 * 1024 * 1024
_FORM_BYTES: Final = 64 * 1024  # what a form may have around its file
_FIELDS_MAX: Final = 8


class Taken(Struct, frozen=True):
    """A file that lies on disk here, until the block ends that took it, and what was said beside it."""

    file: IO[bytes]
    sha256: str
    size_bytes: int
    name: str | None
    fields: dict[str, str]


@asynccontextmanager
async def taken(request: Request) -> AsyncIterator[Taken]:
    """Take the body of a request. Errors: Problem 413 (too large), 400 (broken off; a form that is none), 422 (no file in it)."""
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > BYTES_MAX + is_form * _FORM_BYTES:
        raise _too_large()
    with contextlib.ExitStack() as held:
        name, fields = None, dict[str, str]()
        try:
            if is_form:
                upload, fields = await _read_form(request, held)
                file, name = upload.file, upload.filename
            else:
                file = held.enter_context(tempfile.TemporaryFile())
                async for piece in _bounded(request, BYTES_MAX):
                    file.write(piece)
        except ClientDisconnect as error:
            raise Problem(400, "broken-off", "The connection ended before the body did; nothing was stored.") from error
        file.fileno()  # a small file of a form may still be in memory; this puts it on disk
        sha256, size = await asyncio.to_thread(_measure, file)
        if size > BYTES_MAX:
            raise _too_large()
        yield Taken(file, sha256, size, name, fields)


async def _read_form(request: Request, held: contextlib.ExitStack) -> tuple[UploadFile, dict[str, str]]:
    bounded = _bounded(request, BYTES_MAX + _FORM_BYTES)
    try:
        form = await MultiPartParser(
            request.headers, bounded, max_files=1, max_fields=_FIELDS_MAX, max_part_size=_FORM_BYTES
        ).parse()
    except MultiPartException as error:
        raise Problem(400, "bad-form", "The body is no multipart form with one file.") from error
    uploads = [each for each in form.values() if isinstance(each, UploadFile)]
    for each in uploads:
        held.callback(each.file.close)
    if len(uploads) != 1:
        raise Problem(422, "no-file", "The form holds no file.")
    return uploads[0], {key: value for key, value in form.items() if isinstance(value, str)}


async def _bounded(request: Request, bytes_max: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > bytes_max:
            raise _too_large()
        yield piece


def _measure(file: IO[bytes]) -> tuple[str, int]:
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a temporary file is one of bytes
    return digest, file.tell()


def _too_large() -> Problem:
    return Problem(413, "too-large", f"A document may have {BYTES_MAX} bytes (50 MiB) at most; split it.")
