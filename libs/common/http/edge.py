"""The outermost ring of every service: a span in the caller's trace, who asks, safe headers on answers, limits on requests."""

import base64
import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPMethod, HTTPStatus
from typing import Any, Final
from uuid import UUID

from opentelemetry.trace import Span, SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import logs, measures, telemetry
from libs.common.http import problems
from libs.common.http.access import Door
from libs.common.http.json_bodies import JSON_BODY_MAX_BYTES, check_json
from libs.common.http.problem import Problem
from libs.common.http.receiving import Receiving, once, too_large

_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# A page that brings no policy of its own is the documentation's: its one script stands in it, and is known by its hash.
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", _POLICY),
)
_METHODS: Final = frozenset(HTTPMethod)
# What a span is found by, and which of them an answer's Location names.
_SUBJECTS: Final = frozenset({"claim_id", "interchange_id", "denial_id", "case_id", "remit_id"})
_MADE: Final = {"claims": "claim_id", "interchanges": "interchange_id"}
_ONLY_TLS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


class Edge:
    """Around every request. JSON is refused here before anybody parses it; `json_max_bytes` as in `create_app`."""

    def __init__(self, app: ASGIApp, door: Door, json_max_bytes: Mapping[str, int]) -> None:
        self._app = app
        self._door = door
        self._json_max_bytes = json_max_bytes

    def _farewell(self) -> tuple[tuple[bytes, bytes], ...]:
        """Let no connection outlive its answer where the process is about to end: its client opens the next one elsewhere."""
        return ((b"connection", b"close"),) if self._door.leaving else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        incoming = headers.get(b"traceparent", b"").decode("latin-1") or None
        attributes = {"http.request.method": scope["method"]}
        with (
            telemetry.span(f"{scope['method']}", SpanKind.SERVER, attributes, incoming) as (span, traceparent),
            _timed(scope) as timed,
        ):
            scope.setdefault("state", {})["traceparent"] = traceparent  # a server may leave the state out
            logs.note_trace(traceparent)
            is_json = problems.says_json(headers.get(b"content-type", b"").decode("latin-1"))
            most = self._json_max_bytes.get(scope["path"], JSON_BODY_MAX_BYTES) if is_json else None
            received = Receiving(scope, receive, most)

            inside = ExitStack()

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    inside.close()  # who takes an answer slowly keeps nobody out
                    received.answering = True
                    timed.status = message["status"]
                    left = scope["state"].get("rate_limit", ())
                    message["headers"] = [*message["headers"], (b"traceparent", traceparent.encode()), *left, *self._farewell()]
                    route = scope.get("route")
                    path = getattr(route, "path", "unknown")
                    if span.is_recording():
                        _describe(span, scope, path, message)
                await send(message)

            answer = _Answer(told, over_tls=scope.get("scheme") == "https")
            try:
                caller = scope["state"]["caller"] = await self._door.enter(scope)
                _check_query(scope["query_string"])
                # Other bodies come while they are dealt with: uploads have places of their own.
                room = self._door.room_for(caller) if is_json or not _has_body(headers) else None
                if room is not None:
                    await room.look()  # before work is done for who must go
                body = received if most is None else await _checked_json(received, headers, most)
                if room is not None:
                    inside.callback(await room.enter())
                await self._app(scope, body, answer)
            except Problem as problem:
                if answer.begun:  # nothing can be said any more
                    raise
                await problems.answer(problem)(scope, receive, answer)
            finally:
                inside.close()


class _Timed:
    """A request that is being answered; `status` of what was sent, None where the client went before."""

    status: int | None = None


_active: Final[set[_Timed]] = set()
measures.HTTP_ACTIVE.ask(lambda: [(len(_active), {})])


@contextmanager
def _timed(scope: Scope) -> Iterator[_Timed]:
    """Measure a request, inside its span: a slow one leads to its trace."""
    timed, began = _Timed(), time.perf_counter()
    _active.add(timed)
    try:
        yield timed
    finally:
        _active.discard(timed)
        told = {
            "http.request.method": scope["method"] if scope["method"] in _METHODS else "_OTHER",
            "http.route": getattr(scope.get("route"), "path", "unknown"),
        }
        if timed.status is not None:
            told["http.response.status_code"] = str(timed.status)
        measures.HTTP_DURATION.record(time.perf_counter() - began, told)


def _describe(span: Span, scope: Scope, path: str, answer: Message) -> None:
    """Say in a request's span which route it took, how it was answered, and what it was about."""
    span.update_name(f"{scope['method']} {path}")
    span.set_attributes({"http.route": path, "http.response.status_code": answer["status"]})
    span.set_attributes(_subject(scope.get("path_params", {}), answer["headers"]))
    if answer["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.set_status(StatusCode.ERROR)


def _subject(path_params: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the ids, of those that are searched for, that a request named, or that an answer gives to what it made."""
    named = dict(path_params)
    made = next((value for name, value in headers if name == b"location"), b"").decode("latin-1").rsplit("/", 2)
    if len(made) == 3 and made[1] in _MADE:  # noqa: PLR2004 - the version, which collection, the id
        named[_MADE[made[1]]] = made[2]
    found = {}
    for name in _SUBJECTS & named.keys():
        with suppress(ValueError):  # what somebody wrote in an id's place is nobody's business
            found[name] = UUID(str(named[name]))
    return telemetry.ids(**found)


class _Answer:
    """The `send` of one request: adds the headers that an answer does not bring itself."""

    def __init__(self, send: Send, *, over_tls: bool) -> None:
        self._send = send
        self._ours = (*HEADERS, _ONLY_TLS) if over_tls else HEADERS
        self._held: Message | None = None
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            told = dict(message["headers"])
            message["headers"] = [*message["headers"], *(header for header in self._ours if header[0] not in told)]
            if told.get(b"content-type", b"").startswith(b"text/html") and b"content-security-policy" not in told:
                self._held = message
                return
        elif self._held is not None:
            held, self._held = self._held, None
            policy = _policy_of(message.get("body", b""))
            held["headers"] = [(name, policy if value is _POLICY else value) for name, value in held["headers"]]
            await self._send(held)
        await self._send(message)


def _policy_of(page: bytes) -> bytes:
    """Return what a page may load: what is its own, and the scripts that stand in it as it was sent."""
    digests = (base64.b64encode(hashlib.sha256(each).digest()).decode() for each in _INLINE.findall(page))
    return _PAGE_POLICY.format(hashes="".join(f" 'sha256-{each}'" for each in digests)).encode()


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _check_query(query: bytes) -> None:
    """Refuse what no text in the database can hold."""
    if b"%00" in query:
        raise Problem(400, "bad-query", "A query may not hold NUL.")


async def _checked_json(receiving: Receiving, headers: Mapping[bytes, bytes], most: int) -> Receive:
    """Read a JSON body within its limits and hand it on.

    Errors: Problem 415 (packed), 413 (too large), 408 (too slow), 400 (not JSON; NaN or Infinity; lone surrogates; NUL; too deep).
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Problem(415, "unsupported-encoding", "JSON is taken as it is, without Content-Encoding.")
    if int(headers.get(b"content-length", b"0") or 0) > most:
        raise too_large(most)
    body = await receiving.whole()
    if body:
        check_json(body)
    messages = once(body, receiving)

    async def replay() -> Message:
        return await anext(messages)

    return replay
