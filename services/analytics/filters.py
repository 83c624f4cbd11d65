"""Filters of a question, as its query says them: `filter=dimension:value`, again and again."""

from collections.abc import Collection, Sequence
from typing import Final

from libs.common.http.problem import Problem

FILTERS_MAX: Final = 50


def read_filters(told: Sequence[str], known: Collection[str] | None, rule: str) -> dict[str, list[str]]:
    """Return the values by dimension. `known`: the dimensions that there are, None for any; `rule` ends the sentence that refuses.

    Errors: Problem 422 (`unknown-group`).
    """
    found: dict[str, list[str]] = {}
    for each in told:
        name, colon, value = each.partition(":")
        if not colon or (known is not None and name not in known):
            raise Problem(422, "unknown-group", f"A filter is dimension:value{rule}.")
        found.setdefault(name, []).append(value)
    return found
