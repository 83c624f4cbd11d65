"""Another service over HTTP: asked patiently, and told of when it is away, so that nothing is half made."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec
import stamina
import structlog
from msgspec import Struct

from libs.common.access.signing import OwnTokens
from libs.common.errors import Transient
from libs.common.http.problem import Problem

log = structlog.get_logger()

_ATTEMPTS: Final = 3
_PATIENCE_SECONDS: Final = 8.0
_TIMEOUT: Final = httpx.Timeout(5, connect=1)
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_NOT_LET_IN: Final = frozenset({401, 403})
_ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
RETRY_AFTER: Final = {"Retry-After": "5"}
JSON: Final = "application/json"


class Behalf(Struct, frozen=True):
    """For which tenant one of our services asks another, and in which trace."""

    tenant_id: str
    traceparent: str


class _Away(Exception):  # noqa: N818 - the fact is the name
    """It answered that it cannot now. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class Refused(Exception):  # noqa: N818 - the fact is the name
    """It refused what it was sent. `problem` is its problem document."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__("refused")
        self.problem = problem


class Neighbour:
    """Asks one service, with our own token and for the tenant of whoever asks us; one for a process.

    Every method's errors: the Problem that `unavailable` makes, while it is away, lets us not in, or is not configured.
    """

    def __init__(
        self,
        url: str | None,
        unavailable: Callable[[], Problem],
        own: OwnTokens | None,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        # A proxy of the environment is not for calls between services.
        self._unavailable = unavailable
        self._own = own
        self._http = None
        if url is not None:
            self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, trust_env=False, transport=transport)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _get(self, path: str, behalf: Behalf) -> dict[str, Any] | None:
        status, told = await self._ask("GET", path, behalf)
        return None if status == HTTPStatus.NOT_FOUND else told

    async def _post(
        self, path: str, body: Mapping[str, Any], behalf: Behalf, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        sent = msgspec.json.encode(body)
        status, told = await self._ask("POST", path, behalf, content=sent, headers={"Content-Type": JSON, **(headers or {})})
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(told)
        return told

    async def _put(self, path: str, body: Mapping[str, Any], behalf: Behalf) -> dict[str, Any] | None:
        """Return None where there is nothing at the path. Errors: Refused."""
        sent = msgspec.json.encode(body)
        status, told = await self._ask("PUT", path, behalf, content=sent, headers={"Content-Type": JSON})
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(told)
        return told

    async def _ask(
        self, method: str, path: str, behalf: Behalf, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask, patiently: what changes something there is known by its content, so that all may be repeated."""
        if self._http is None:
            raise self._unavailable()
        sent = {"traceparent": behalf.traceparent, **self._token(behalf), **(headers or {})}
        try:
            async for attempt in stamina.retry_context(
                on=(httpx.TransportError, _Away), attempts=_ATTEMPTS, timeout=_PATIENCE_SECONDS, wait_initial=0.1, wait_max=1
            ):
                with attempt:
                    return await self._once(self._http, self._http.build_request(method, path, headers=sent, content=content))
        except (httpx.HTTPError, _Away) as error:
            log.warning("neighbour_unavailable", address=str(self._http.base_url), reason=type(error).__name__)
            raise self._unavailable() from None
        raise AssertionError("stamina ends with an answer or an error")

    def _token(self, behalf: Behalf) -> dict[str, str]:
        """Return the header that carries our token. Errors: the Problem of `unavailable` while our key cannot be read."""
        try:
            return self._own.headers(behalf.tenant_id) if self._own else {}
        except Transient:
            raise self._unavailable() from None

    @staticmethod
    async def _once(http: httpx.AsyncClient, request: httpx.Request) -> tuple[int, dict[str, Any]]:
        answer = await http.send(request, stream=True)
        try:
            held = bytearray()
            async for piece in answer.aiter_bytes():
                held += piece
                if len(held) > _ANSWER_BYTES_MAX:
                    raise _Away("too_large")
        finally:
            await answer.aclose()
        if answer.status_code in _BUSY:
            raise _Away("busy")
        if answer.status_code in _NOT_LET_IN:
            raise _Away("not_let_in")
        try:
            told = msgspec.json.decode(held)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _Away("not_understood") from None
        if not isinstance(told, dict):
            raise _Away("not_understood")
        return answer.status_code, told
