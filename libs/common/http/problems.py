"""Errors as RFC 9457 problem documents, with a stable type; a value that was sent is never sent back, it may be a patient's."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from libs.common.errors import Transient
from libs.common.http.problem import Problem, away

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
_CHALLENGE = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "what is missing (RFC 6750)"}}
_WAIT = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
_HEADERS_OF = {401: _CHALLENGE, 403: _CHALLENGE, 429: _WAIT, 503: _WAIT}

_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    422: "Unprocessable content",
    428: "Precondition required",
    429: "Too many requests",
    431: "Request header fields too large",
    500: "Internal error",
    503: "Service unavailable",
}


class FieldProblem(BaseModel):
    """One field that is missing or not valid; what was sent is never repeated."""

    pointer: str = Field(description="where, as a path: /body/adjustments/0/carc, /query/limit")
    problem: str = Field(description="what is wrong, by its kind")


class ProblemDocument(BaseModel):
    """An error (RFC 9457). docs/api/README.md lists the types."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"example": {"type": "urn:recours:problem:not-found", "title": "Not found", "status": 404}},
    )

    type: str = Field(description="urn:recours:problem:..., stable")
    title: str = Field(description="the status in words")
    status: int = Field(description="the HTTP status")
    detail: str | None = Field(None, description="one sentence for the person who sent the request")
    errors: list[FieldProblem] | None = Field(None, description="of type invalid-request: which fields, the first 100")
    byte_offset: int | None = Field(None, description="where a body that is no X12 goes wrong, from 0")


def answer(problem: Problem) -> Response:
    """Write a problem as a response."""
    body = {
        "type": f"urn:recours:problem:{problem.name}",
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        **problem.extension,
    }
    return JSONResponse(body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of a route's problems."""
    return {
        status: {
            "description": _TITLES[status],
            **({"headers": _HEADERS_OF[status]} if status in _HEADERS_OF else {}),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in sorted({*statuses, 400, 500, 503})
    }


def install(app: FastAPI) -> None:
    """Turn every error of an application into a problem."""
    known = set[str]()

    @app.exception_handler(Problem)
    async def of_ours(_: Request, error: Problem) -> Response:
        return answer(error)

    @app.exception_handler(Transient)
    async def of_the_world(_: Request, error: Transient) -> Response:
        log.warning("request_refused", error=str(error))
        return answer(away())

    @app.exception_handler(RequestValidationError)
    async def of_the_request(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        sent_as = request.headers.get("content-type", "")
        if any(problem["loc"] == ("body",) for problem in found) and not says_json(sent_as) and await request.body():
            return answer(Problem(415, "unsupported-media-type", "The body must be application/json."))
        if not known:  # once: the whole document is looked through, and who sends nonsense must not have that done each time
            known.update(names(app.openapi()))
        errors = [each.model_dump() for each in field_problems(found, known)]
        return answer(Problem(422, "invalid-request", "Some fields are missing or not valid.", errors=errors))

    @app.exception_handler(HTTPException)
    async def of_the_framework(_: Request, error: HTTPException) -> Response:
        name = _TITLES.get(error.status_code, "Error").lower().replace(" ", "-")
        return answer(Problem(error.status_code, name, _TITLES.get(error.status_code, "Error") + ".", headers=error.headers))

    @app.exception_handler(Exception)
    async def of_a_bug(_: Request, error: Exception) -> Response:
        log.error("request_failed", exc_info=error)
        return answer(Problem(500, "internal-error", "The request failed through no fault of yours; it was logged."))


def says_json(content_type: str) -> bool:
    """Say whether a Content-Type means JSON: application/json, or application/...+json."""
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def field_problems(found: Sequence[Mapping[str, Any]], known: Collection[str]) -> list[FieldProblem]:
    """Say what pydantic found, the first 100. `known` are the names that are ours; places begin with where it was sent."""
    return [FieldProblem(pointer=_pointer(each["loc"], known), problem=_safe_message(each)) for each in found[:100]]


def names(schema: Any) -> set[str]:
    """Return the names of all fields and parameters that an OpenAPI document describes."""
    if isinstance(schema, list):
        return set[str]().union(*map(names, schema))
    if not isinstance(schema, dict):
        return set()
    named = {*schema.get("properties", {}), *([schema["name"]] if "in" in schema and "name" in schema else ())}
    return named.union(*map(names, schema.values()))


def _pointer(place: tuple[str | int, ...], known: Collection[str]) -> str:
    """Say where a problem is; a name that is not ours was sent, and is not sent back."""
    parts = (part if isinstance(part, int) or part in known or not depth else "?" for depth, part in enumerate(place))
    return "/".join(map(str, ("", *parts)))


def _safe_message(problem: Mapping[str, Any]) -> str:
    """Say what is wrong with a field by its kind; pydantic's own texts may quote what was sent."""
    kind = str(problem["type"])
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known"
    context = problem.get("ctx") or {}
    bounds = {
        name: context[name]
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "expected", "pattern")
        if name in context
    }
    told = ", ".join(f"{name} {value}" for name, value in bounds.items())
    return f"is not valid ({kind}{': ' + told if told else ''})"
