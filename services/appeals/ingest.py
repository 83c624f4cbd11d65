"""Ingest over HTTP: the claims and remittances whose patient data rests there, asked for at the moment that they are needed.

A short absence is waited out; a longer one is told to who asked, with nothing half made.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import httpx
import msgspec
import stamina
import structlog

from libs.common.http.problems import Problem

log = structlog.get_logger()

_ATTEMPTS: Final = 3
_PATIENCE_SECONDS: Final = 8.0
_TIMEOUT: Final = httpx.Timeout(5, connect=1)
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
_RETRY_AFTER: Final = {"Retry-After": "5"}
JSON: Final = "application/json"


class _Away(Exception):  # noqa: N818 - the fact is the name
    """Ingest answered that it cannot now. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class Refused(Exception):  # noqa: N818 - the fact is the name
    """Ingest refused what it was sent. `problem` is its problem document."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__("refused")
        self.problem = problem


def unavailable() -> Problem:
    detail = "Ingest, which holds claims and remittances, does not answer; nothing was changed. Try again shortly."
    return Problem(503, "ingest-unavailable", detail, headers=_RETRY_AFTER)


class Ingest:
    """Asks ingest; one for a process. Every method's errors: Problem 503 while ingest is away or not configured."""

    def __init__(self, url: str | None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        # A proxy of the environment is not for calls between services.
        self._http = None
        if url is not None:
            self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, trust_env=False, transport=transport)

    async def claim_id_of(self, remit_id: UUID, traceparent: str) -> UUID | None:
        """Return the claim that a remit answers; None where that is not known."""
        match = await self._get(f"/v1/matches/{remit_id}", traceparent)
        told = match and match.get("claim_id")
        return UUID(told) if told else None

    async def claim(self, claim_id: UUID, traceparent: str) -> dict[str, Any] | None:
        """Return a claim with its lines, its life and its acknowledgements, without patient data."""
        return await self._get(f"/v1/claims/{claim_id}", traceparent)

    async def content(self, claim_id: UUID, traceparent: str) -> dict[str, Any] | None:
        """Return the whole claim, with patient data, as `POST /v1/claims` takes it."""
        return await self._get(f"/v1/claims/{claim_id}/content", traceparent)

    async def remit(self, remit_id: UUID, traceparent: str) -> dict[str, Any] | None:
        return await self._get(f"/v1/remits/{remit_id}", traceparent)

    async def remittance(self, remittance_id: UUID, traceparent: str) -> dict[str, Any] | None:
        return await self._get(f"/v1/remittances/{remittance_id}", traceparent)

    async def check(self, claim: Mapping[str, Any], traceparent: str) -> dict[str, Any]:
        """Return what ingest's checks find in a claim. Errors: Refused."""
        return await self._post("/v1/claims/check", claim, traceparent)

    async def submit(self, claim: Mapping[str, Any], key: str, traceparent: str) -> dict[str, Any]:
        """Send a claim, which is the same claim however often it is sent. Errors: Refused."""
        return await self._post("/v1/claims", claim, traceparent, {"Idempotency-Key": key})

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _get(self, path: str, traceparent: str) -> dict[str, Any] | None:
        status, told = await self._ask("GET", path, traceparent)
        return None if status == HTTPStatus.NOT_FOUND else told

    async def _post(
        self, path: str, body: Mapping[str, Any], traceparent: str, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        sent = msgspec.json.encode(body)
        status, told = await self._ask("POST", path, traceparent, content=sent, headers={"Content-Type": JSON, **(headers or {})})
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(told)
        return told

    async def _ask(
        self, method: str, path: str, traceparent: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask, patiently: what changes something there is known by its content, so that all may be repeated."""
        if self._http is None:
            raise unavailable()
        sent = {"traceparent": traceparent, **(headers or {})}
        try:
            async for attempt in stamina.retry_context(
                on=(httpx.TransportError, _Away), attempts=_ATTEMPTS, timeout=_PATIENCE_SECONDS, wait_initial=0.1, wait_max=1
            ):
                with attempt:
                    return await self._once(self._http, self._http.build_request(method, path, headers=sent, content=content))
        except (httpx.HTTPError, _Away) as error:
            log.warning("ingest_unavailable", reason=type(error).__name__)
            raise unavailable() from None
        raise AssertionError("stamina ends with an answer or an error")

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
        try:
            told = msgspec.json.decode(held)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _Away("not_understood") from None
        if not isinstance(told, dict):
            raise _Away("not_understood")
        return answer.status_code, told
