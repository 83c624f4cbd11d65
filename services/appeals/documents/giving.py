"""Giving a document back: as a download, by ranges, and never so that a browser would run or show it in place."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import Request, Response

from libs.common.http.file_answers import FileAnswer
from libs.common.http.problem import Problem
from services.appeals.documents.keeping import desk_of
from services.appeals.documents.naming import download_headers
from services.appeals.documents.ranges import Unsatisfiable, read_range

_WHOLE, _PART, _SAME = 200, 206, 304
_CHARSET: Final = {"text/plain": "text/plain; charset=utf-8"}


def give(
    request: Request,
    row: Mapping[Any, Any],
    range_: str | None,
    if_range: str | None,
    if_none_match: str | None,
    is_open: Callable[[], Awaitable[bool]] | None = None,
) -> Response:
    """Answer with a document's bytes or those of a range; `is_open`: as in FileAnswer.

    Errors: Problem 416 (no byte is in the range).
    """
    etag, size = f'"{row["sha256"]}"', row["size_bytes"]
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        **download_headers(row["file_name"]),
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if if_none_match is not None and etag in (each.strip() for each in if_none_match.split(",")):
        return Response(status_code=_SAME, headers=headers)
    try:
        part = read_range(range_, if_range, etag, size) if request.method == "GET" else None
    except Unsatisfiable:
        refused = {"Content-Range": f"bytes */{size}"}
        raise Problem(416, "range-not-satisfiable", "The document has no byte in this range.", headers=refused) from None
    first, end = part or (0, size)
    headers["Content-Length"] = str(end - first)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    media_type = _CHARSET.get(row["media_type"], row["media_type"])
    status = _WHOLE if part is None else _PART
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    pieces = desk_of(request).blobs.stream(row["key"], first, end)
    return FileAnswer(pieces, status, headers, media_type, is_open=is_open)
