"""Cases as they come about: a denial from the classifier's own judgement, and the HTTP interface beside it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.common.clock import FixedClock
from services.appeals.api import make_app
from tests.integration.consumers.conftest import Sent, Service, appeals, classifier, remit
from tests.support.access import VERIFIER, bearer

__all__ = ["appeals", "classifier"]

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Desk:
    """A person at the interface of appeals, on a day."""

    def __init__(self, appeals: Service, classifier: Service, now: datetime = NOW) -> None:
        self.appeals, self.classifier = appeals, classifier
        transport = httpx.ASGITransport(make_app(appeals.api, FixedClock(now), VERIFIER), raise_app_exceptions=False)
        self.http = httpx.AsyncClient(headers=bearer(), transport=transport, base_url="http://appeals")

    async def denied(self, *remits: Sent) -> dict[str, Any]:
        """Have remits judged and told to appeals; return the case of the first."""
        told = remits or (remit(),)
        await self.appeals.take(*told, *await self.classifier.take(*told))
        listed = (await self.http.get("/v1/cases")).json()["items"]
        return await self.case(listed[-1]["case_id"])

    async def case(self, case_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/cases/{case_id}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        assert answer.headers["etag"] == f'"{told["version"]}"'
        return told

    async def post(
        self, case: dict[str, Any], name: str, body: dict[str, Any], *, version: int | None = None, key: str | None = None
    ) -> httpx.Response:
        headers = {"If-Match": f'"{version or case["version"]}"', "Idempotency-Key": key or str(uuid4())}
        return await self.http.post(f"/v1/cases/{case['case_id']}/{name}", json=body, headers=headers)

    async def do(self, case: dict[str, Any], command: str, why: str = "because", **how: Any) -> httpx.Response:
        return await self.post(case, "transitions", {"command": command, "why": why}, **how)


@pytest.fixture
async def desk(appeals: Service, classifier: Service) -> AsyncIterator[Desk]:
    made = Desk(appeals, classifier)
    yield made
    await made.http.aclose()
