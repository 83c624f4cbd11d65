"""JSON that is looked through before anybody works with it: what no parser and no text in the database should be given."""

import json
from typing import Any, Final

from libs.common.http.problem import Problem

JSON_BODY_MAX_BYTES: Final = 1024 * 1024
_DEPTH_MAX: Final = 64
_BYTES_A_VALUE: Final = 6  # on average; a body of less is made to be unpacked into much


def check_json(body: bytes) -> None:
    """Refuse what is not JSON in UTF-8, or too deep, or too many values for its size. Errors: Problem 400 bad-json."""

    def refuse(_: str) -> None:
        raise Problem(400, "bad-json", "NaN and Infinity are not JSON.")

    try:
        text = body.decode("utf-8")
        parsed = json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise Problem(400, "bad-json", "The body is nested too deeply.") from error
    except ValueError as error:
        raise Problem(400, "bad-json", "The body is not JSON in UTF-8.") from error
    _check_values(parsed, max(len(body), JSON_BODY_MAX_BYTES) // _BYTES_A_VALUE)


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _check_values(parsed: Any, most: int) -> None:
    waiting: list[tuple[Any, int]] = [(parsed, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > _DEPTH_MAX:
            raise Problem(400, "bad-json", "The body is nested too deeply.")
        if seen + len(waiting) > most:
            raise Problem(400, "bad-json", "The body holds too many values.")
        if isinstance(value, str):
            if "\x00" in value or not _encodes(value):
                raise Problem(400, "bad-json", "Strings may hold neither NUL nor lone surrogates.")
        elif isinstance(value, dict):
            waiting += [(key, depth + 1) for key in value]
            waiting += [(held, depth + 1) for held in value.values()]
        elif isinstance(value, list):
            waiting += [(held, depth + 1) for held in value]
