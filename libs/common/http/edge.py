"""The outermost ring of every service: a span in the caller's trace, who asks, safe headers on answers, limits on requests."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final

from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import telemetry
from libs.common.http import problems
from libs.common.http.access import Door
from libs.common.http.json_bodies import JSON_BODY_MAX_BYTES, check_json
from libs.common.http.problems import Problem
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
_ONLY_TLS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


class Edge:
    """Around every request. JSON is refused here before anybody parses it; `json_max_bytes` as in `create_app`."""

    def __init__(self, app: ASGIApp, door: Door, json_max_bytes: Mapping[str, int]) -> None:
        self._app = app
        self._door = door
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
            is_json = problems.says_json(headers.get(b"content-type", b"").decode("latin-1"))
            most = self._json_max_bytes.get(scope["path"], JSON_BODY_MAX_BYTES) if is_json else None
            received = Receiving(scope, receive, most)

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    received.answering = True
                    message["headers"] = [*message["headers"], (b"traceparent", traceparent.encode())]
                    route = scope.get("route")
                    span.update_name(f"{scope['method']} {getattr(route, 'path', 'unknown')}")
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            answer = _Answer(told, over_tls=scope.get("scheme") == "https")
            try:
                scope["state"]["caller"] = await self._door.enter(scope)
                _check_query(scope["query_string"])
                body = received if most is None else await _checked_json(received, headers, most)
                await self._app(scope, body, answer)
            except Problem as problem:
                if answer.begun:  # nothing can be said any more
                    raise
                await problems.answer(problem)(scope, receive, answer)


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
