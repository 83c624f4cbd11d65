"""Learned risk: asks the classifier how likely claims are to be denied, within a budget of time; without an answer a check goes on.

Claims on their way in are not asked about: they are booked inside a transaction, which must not wait for anybody, and
`claim.submitted` brings the classifier the same claim a moment later.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

import httpx
import msgspec
import structlog
from msgspec import Struct

from libs.common.access.signing import OwnTokens
from libs.common.breaker import Breaker
from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.contracts.risk import PATH, ClaimRisk, RiskAnswer, RiskQuestion
from libs.common.errors import Transient
from libs.common.http.neighbour import Behalf

log = structlog.get_logger()

CLAIMS_MAX: Final = 1000  # more cannot be judged within the budget
BUDGET_SECONDS: Final = 0.3
_FAILURES_MAX, _REST_SECONDS = 5, 5.0
_ANSWER_BYTES_A_CLAIM, _ANSWER_BYTES = 2048, 4096
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RiskAnswer).decode

Reason = Literal["not_configured", "too_many_claims", "circuit_open", "timeout", "unreachable", "refused", "not_understood"]


class Risk(Struct, frozen=True):
    """What the classifier said of each claim, in their order; or why nobody knows, and then nothing of any claim."""

    reason: Reason | None = None
    model: str | None = None
    claims: tuple[ClaimRisk, ...] = ()


class _Unusable(Exception):  # noqa: N818 - the fact is the name
    """An answer that says nothing. `reason` is stable."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class RiskDesk:
    """Asks; one for a process. It never raises, and never takes longer than its budget."""

    def __init__(self, classifier_url: str | None, own: OwnTokens | None = None) -> None:
        self._own = own
        self._breaker = Breaker(_FAILURES_MAX, _REST_SECONDS)
        # httpx's timeout is one a step; the whole has its own below. A proxy of the environment is not for calls between services.
        self._http = None
        if classifier_url:
            self._http = httpx.AsyncClient(base_url=classifier_url, timeout=BUDGET_SECONDS, trust_env=False)

    async def ask(self, claims: Sequence[ClaimSubmittedV1], behalf: Behalf) -> Risk:
        """Return what is to be expected of claims, at most 1,000."""
        if self._http is None:
            return Risk("not_configured")
        now = asyncio.get_running_loop().time
        if not self._breaker.admits(now()):
            return Risk("circuit_open")
        try:
            async with asyncio.timeout(BUDGET_SECONDS):
                answer = await _ask(self._http, claims, behalf, self._own)
        except (httpx.HTTPError, TimeoutError, Transient, _Unusable) as error:
            self._breaker.failed(now())
            reason = _reason_of(error)
            log.warning("risk_unavailable", reason=reason)
            return Risk(reason)
        self._breaker.succeeded()
        return Risk(None, answer.model, answer.claims)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()


def _reason_of(error: Exception) -> Reason:
    if isinstance(error, _Unusable):
        return error.reason
    return "timeout" if isinstance(error, TimeoutError | httpx.TimeoutException) else "unreachable"


async def _ask(http: httpx.AsyncClient, claims: Sequence[ClaimSubmittedV1], behalf: Behalf, own: OwnTokens | None) -> RiskAnswer:
    """Send one question. Errors: httpx.HTTPError; _Unusable when the answer is none to this question."""
    body = _encode(RiskQuestion(tuple(claims)))
    headers = {"Content-Type": "application/json", "traceparent": behalf.traceparent}
    headers |= own.headers(behalf.tenant_id) if own else {}
    held = bytearray()
    async with http.stream("POST", PATH, content=body, headers=headers) as told:
        if told.status_code != httpx.codes.OK:
            raise _Unusable("refused")
        async for piece in told.aiter_bytes():
            held += piece
            if len(held) > _ANSWER_BYTES + _ANSWER_BYTES_A_CLAIM * len(claims):
                raise _Unusable("not_understood")
    try:
        answer = _decode(held)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Unusable("not_understood") from error
    if [each.claim_id for each in answer.claims] != [str(each.claim_id) for each in claims]:
        raise _Unusable("not_understood")
    return answer
