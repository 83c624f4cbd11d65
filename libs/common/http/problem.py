"""A problem as it is raised, without what makes answers of it: workers ask neighbours, too, and hold no framework for that."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException

RETRY_SECONDS = 5


class Problem(HTTPException):
    """Answer with a problem. `name` completes the type `urn:recours:problem:NAME`.

    It is the framework's own kind, which alone passes through the reading of a body unchanged.
    """

    def __init__(self, status: int, name: str, detail: str, *, headers: Mapping[str, str] | None = None, **extension: Any) -> None:
        super().__init__(status, detail)
        self.status = status
        self.name = name
        self.headers = dict(headers or {})
        self.extension = extension

    def __str__(self) -> str:
        return self.name


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no such {what}.")


def forgotten(what: str) -> Problem:
    """Return the problem of what was kept for as long as a tenant keeps such (docs/privacy.md), and is gone."""
    return Problem(410, "bytes-forgotten", f"{what} was kept for as long as this tenant keeps such, and is gone.")


def away() -> Problem:
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return Problem(503, "unavailable", "A part of the system is away; try again shortly.", headers=headers)
