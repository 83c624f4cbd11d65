"""Which part of a document a request asks for (RFC 9110, section 14). Pure."""

import re
from typing import Final

_ONE: Final = re.compile(r"bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$", re.IGNORECASE)


class Unsatisfiable(Exception):  # noqa: N818 - RFC 9110's word
    """No byte of the document is in the range."""


def read_range(header: str | None, if_range: str | None, etag: str, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last; None: all of it. What is not understood is passed over, as the RFC says.

    Errors: Unsatisfiable.
    """
    if header is None or (if_range is not None and if_range.strip() != etag):
        return None
    told = _ONE.match(header.strip())
    if told is None or not (told[1] or told[2]):
        return None
    if not told[1]:
        if int(told[2]) == 0:
            raise Unsatisfiable
        return max(0, size - int(told[2])), size
    first = int(told[1])
    if told[2] and int(told[2]) < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return first, min(int(told[2]) + 1, size) if told[2] else size
