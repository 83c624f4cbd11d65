"""Ingest over HTTP: the claims and remittances whose patient data rests there, asked for at the moment that they are needed.

A short absence is waited out; a longer one is told to who asked, with nothing half made.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx

from libs.common.access.signing import OwnTokens
from libs.common.http.neighbour import RETRY_AFTER, Behalf, Neighbour
from libs.common.http.problem import Problem


def unavailable() -> Problem:
    detail = "Ingest, which holds claims and remittances, does not answer; nothing was changed. Try again shortly."
    return Problem(503, "ingest-unavailable", detail, headers=RETRY_AFTER)


class Ingest(Neighbour):
    """Asks ingest; one for a process. Every method's errors: Problem 503 while ingest is away or not configured."""

    def __init__(self, url: str | None, own: OwnTokens | None = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(url, unavailable, own, transport)

    async def claim_id_of(self, remit_id: UUID, behalf: Behalf) -> UUID | None:
        """Return the claim that a remit answers; None where that is not known."""
        match = await self._get(f"/v1/matches/{remit_id}", behalf)
        told = match and match.get("claim_id")
        return UUID(told) if told else None

    async def claim(self, claim_id: UUID, behalf: Behalf) -> dict[str, Any] | None:
        """Return a claim with its lines, its life and its acknowledgements, without patient data."""
        return await self._get(f"/v1/claims/{claim_id}", behalf)

    async def content(self, claim_id: UUID, behalf: Behalf) -> dict[str, Any] | None:
        """Return the whole claim, with patient data, as `POST /v1/claims` takes it."""
        return await self._get(f"/v1/claims/{claim_id}/content", behalf)

    async def remit(self, remit_id: UUID, behalf: Behalf) -> dict[str, Any] | None:
        return await self._get(f"/v1/remits/{remit_id}", behalf)

    async def remittance(self, remittance_id: UUID, behalf: Behalf) -> dict[str, Any] | None:
        return await self._get(f"/v1/remittances/{remittance_id}", behalf)

    async def check(self, claim: Mapping[str, Any], behalf: Behalf) -> dict[str, Any]:
        """Return what ingest's checks find in a claim. Errors: Refused."""
        return await self._post("/v1/claims/check", claim, behalf)

    async def submit(self, claim: Mapping[str, Any], key: str, behalf: Behalf) -> dict[str, Any]:
        """Send a claim, which is the same claim however often it is sent. Errors: Refused."""
        return await self._post("/v1/claims", claim, behalf, {"Idempotency-Key": key})
