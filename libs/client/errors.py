"""What can go wrong between this client and a service, each as one sentence for the person who asked."""

from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

_TYPE_PREFIX = "urn:recours:problem:"
_FIELDS_TOLD = 5


class ClientError(Exception):
    """What was asked cannot be had; the message is one sentence."""


class Unreachable(ClientError):  # noqa: N818 - the fact is the name
    """No answer came from a service, or none that could be read."""


class ProblemAnswer(ClientError):  # noqa: N818 - RFC 9457's word
    """A service answered with a problem document (RFC 9457), or with an error that is none."""

    def __init__(self, service: str, status: int, type_: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{service} answered {status} ({type_.removeprefix(_TYPE_PREFIX)}): {detail}")
        self.service = service
        self.status = status
        self.type = type_
        self.detail = detail
        self.retry_after = retry_after


class _Field(Struct, frozen=True):
    pointer: str = ""
    problem: str = ""


class _Document(Struct, frozen=True):
    type: str = "about:blank"
    title: str = ""
    detail: str | None = None
    errors: list[_Field] = []


def problem_of(service: str, status: int, body: bytes, retry_after: float | None) -> ProblemAnswer:
    """Read an error's body; one that is no problem document (a proxy's page) is told by its status alone."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except msgspec.DecodeError:
        document = _Document()
    detail = document.detail or document.title or "it gave no reason."
    fields = [f"{field.pointer.removeprefix('/').replace('/', ' ')} {field.problem}" for field in document.errors[:_FIELDS_TOLD]]
    if fields:
        detail = f"{detail.rstrip('.')}: {'; '.join(fields)}."
    if status == HTTPStatus.UNAUTHORIZED:
        detail = f"{detail} `recours` sends what RECOURS_TOKEN holds, or the file that RECOURS_TOKEN_FILE names (docs/access.md)."
    return ProblemAnswer(service, status, document.type, detail, retry_after)


def as_json(problem: ProblemAnswer) -> dict[str, Any]:
    return {"status": problem.status, "type": problem.type, "detail": problem.detail}
