"""Forms as browsers send them without scripts: small, of one kind, each field once; and only from our own pages."""

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from libs.common.http.problem import Problem

FORM_BYTES_MAX: Final = 32 * 1024
_FIELDS_MAX: Final = 40
_KIND: Final = "application/x-www-form-urlencoded"


async def read(request: Request) -> dict[str, str]:
    """Return a form's fields; a line ends as it does elsewhere. Errors: Problem 415, 413, 400."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "A page's form is sent as browsers send forms.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES_MAX:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"A form may have {FORM_BYTES_MAX} bytes at most.")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise _bad() from None
    if len(dict(pairs)) < len(pairs) or any("\0" in value for _, value in pairs):
        raise _bad()
    return {name: value.replace("\r\n", "\n").strip() for name, value in pairs}


def _bad() -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "bad-form", "The form cannot be read.")
