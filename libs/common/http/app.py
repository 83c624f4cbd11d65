"""The application factory: what every service's HTTP interface does alike."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Literal

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import telemetry
from libs.common.health import Check, find_trouble
from libs.common.http import problems
from libs.common.http.problems import Problem, ProblemDocument

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

JSON_BODY_MAX_BYTES = 1024 * 1024
_DEPTH_MAX = 64
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)


_TAGS: Final = {
    "ledger": "What the service has booked of every remittance; equal in all four services.",
    "dead letters": "Records that the service could never process.",
    "outbox": "Events on their way to the broker.",
    "health": "For whoever starts and watches the process.",
}


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = Field(description="`ok`, or the kind of failure, by what was checked")


def create_app(
    title: str,
    description: str,
    *,
    checks: Mapping[str, Check],
    routers: Sequence[APIRouter],
    tags: Mapping[str, str],
    lifespan: Lifespan | None = None,
    json_max_bytes: Mapping[str, int] | None = None,
) -> FastAPI:
    """Make an application: health, problems, limits, traces, and OpenAPI 3.1 with problem documents. `tags` describes its own.

    `json_max_bytes` names paths whose JSON may be larger than elsewhere.
    """
    app = FastAPIOffline(  # /docs shows its page without fetching anything from anywhere
        redoc_url=None,
        redirect_slashes=False,  # an id that was left out is not asked for by leading to the list
        title=f"Recours {title}",
        description=description,
        version="1",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=[{"name": name, "description": told} for name, told in {**tags, **_TAGS}.items()],
        generate_unique_id_function=_operation_id,
        lifespan=lifespan,
    )
    problems.install(app)
    for router in routers:
        app.include_router(router)
    app.include_router(_health(checks))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way
    app.add_middleware(_Edge, json_max_bytes=json_max_bytes or {})
    return app


def _operation_id(route: APIRoute) -> str:
    """Name an operation after its function, as clients in most languages spell it: list_denials is listDenials."""
    first, *rest = route.name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _openapi(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            license_info=app.license_info,
            tags=app.openapi_tags,
            routes=app.routes,
        )
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        described = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(described.pop("$defs"))
        components["ProblemDocument"] = described
        for path in schema["paths"].values():
            for operation in path.values():
                refused = operation["responses"].get("422")
                if refused is not None:  # FastAPI announces its own shape there; we answer with a problem
                    operation["responses"]["422"] = problems.responses(422)[422]
        for unused in ("HTTPValidationError", "ValidationError"):
            components.pop(unused, None)
        app.openapi_schema = schema
    return app.openapi_schema


_NOT_READY: Final[dict[str, Any]] = {
    "model": Readiness,
    "description": "A part that it needs is away",
    "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
}


def _health(checks: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="Is the process alive")
    async def livez() -> Alive:
        """Ask this to decide on a restart; it looks at nothing but the process."""
        return Alive()

    @router.get("/readyz", summary="Can it do its work", response_model=Readiness, responses={503: _NOT_READY})
    async def readyz() -> Response:
        """Ask this to decide on sending requests; it names the check that fails."""
        found = await find_trouble(checks)
        ready = set(found.values()) <= {"ok"}
        headers = {} if ready else {"Retry-After": str(problems.RETRY_SECONDS)}
        return JSONResponse({"status": "ok" if ready else "unavailable", "checks": found}, 200 if ready else 503, headers=headers)

    return router


class _Edge:
    """Around every request: a span in the caller's trace, safe headers, and JSON that is refused before anybody parses it."""

    def __init__(self, app: ASGIApp, json_max_bytes: Mapping[str, int]) -> None:
        self._app = app
        self._json_max_bytes = json_max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        incoming = headers.get(b"traceparent", b"").decode("latin-1") or None
        attributes = {"http.request.method": scope["method"]}
        with telemetry.span(f"{scope['method']}", SpanKind.SERVER, attributes, incoming) as (span, traceparent):
            scope.setdefault("state", {})["traceparent"] = traceparent  # a server may leave the state out

            async def finish(message: Message) -> None:
                if message["type"] == "http.response.start":
                    told = {name for name, _ in message["headers"]}
                    ours = (header for header in _HEADERS if header[0] not in told)
                    message["headers"] = [*message["headers"], *ours, (b"traceparent", traceparent.encode())]
                    route = scope.get("route")
                    span.update_name(f"{scope['method']} {getattr(route, 'path', 'unknown')}")
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            try:
                _check_query(scope["query_string"])
                if problems.says_json(headers.get(b"content-type", b"").decode("latin-1")):
                    most = self._json_max_bytes.get(scope["path"], JSON_BODY_MAX_BYTES)
                    receive = await _checked_json(receive, int(headers.get(b"content-length", b"0") or 0), most)
                await self._app(scope, receive, finish)
            except Problem as problem:
                await problems.answer(problem)(scope, receive, finish)


def _check_query(query: bytes) -> None:
    """Refuse what no text in the database can hold."""
    if b"%00" in query:
        raise Problem(400, "bad-query", "A query may not hold NUL.")


async def _checked_json(receive: Receive, announced: int, most: int) -> Receive:
    """Read a JSON body within its limits and hand it on.

    Errors: Problem 413 (too large), 400 (not JSON; NaN or Infinity; lone surrogates; NUL; too deep).
    """
    if announced > most:
        raise _too_large(most)
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise _too_large(most)
    if body:
        check_json(body)

    messages = _once(body, receive)

    async def replay() -> Message:
        return await anext(messages)

    return replay


async def _once(body: bytes, receive: Receive) -> AsyncIterator[Message]:
    yield {"type": "http.request", "body": body, "more_body": False}
    while True:
        yield await receive()


def _too_large(most: int) -> Problem:
    return Problem(413, "too-large", f"A JSON body may have {most} bytes at most.")


def check_json(body: bytes) -> None:
    """Refuse what no JSON parser or no text in the database should be given. Errors: Problem 400 bad-json."""

    def refuse(_: str) -> None:
        raise Problem(400, "bad-json", "NaN and Infinity are not JSON.")

    try:
        text = body.decode("utf-8")
        parsed = json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise Problem(400, "bad-json", "The body is nested too deeply.") from error
    except ValueError as error:
        raise Problem(400, "bad-json", "The body is not JSON in UTF-8.") from error
    _check_values(parsed)


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _check_values(parsed: Any) -> None:
    waiting: list[tuple[Any, int]] = [(parsed, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEPTH_MAX:
            raise Problem(400, "bad-json", "The body is nested too deeply.")
        if isinstance(value, str):
            if "\x00" in value or not _encodes(value):
                raise Problem(400, "bad-json", "Strings may hold neither NUL nor lone surrogates.")
        elif isinstance(value, dict):
            waiting += [(key, depth + 1) for key in value]
            waiting += [(held, depth + 1) for held in value.values()]
        elif isinstance(value, list):
            waiting += [(held, depth + 1) for held in value]
