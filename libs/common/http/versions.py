"""Optimistic versions: an answer's ETag is the version in quotes, and a change says in If-Match which one it was made from.

Two who change at once do not overwrite each other: the second is told.
"""

import re
from typing import Annotated

from fastapi import Header

from libs.common.http.problem import Problem

IfMatch = Annotated[str | None, Header(alias="If-Match", description="the `ETag` that was read: the version in quotes")]


def etag(version: int) -> str:
    return f'"{version}"'


def read_version(if_match: str | None) -> int:
    """Return the version that a request was made from. Errors: Problem 428 where it says none, 400 where it is no ETag of ours."""
    if if_match is None:
        raise Problem(428, "if-match-missing", "Say in If-Match which version was read: the ETag.")
    told = re.fullmatch(r'"([0-9]{1,18})"', if_match.strip())
    if told is None:
        raise Problem(400, "bad-if-match", 'If-Match must be an ETag of what is to be changed, such as "3".')
    return int(told[1])


def check_version(now: int, asked: int, what: str) -> None:
    """Errors: Problem 412 where somebody changed it since it was read."""
    if now != asked:
        raise Problem(412, "changed-meanwhile", f"The {what} has changed since it was read; read it again.")
