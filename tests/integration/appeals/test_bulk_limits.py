"""How much may be asked for at once: a limit that is told, and nothing begun."""

from uuid import uuid4

import pytest

from services.appeals.worklist import bulk_api
from tests.integration.appeals.conftest import Desk
from tests.integration.consumers.conftest import remit


async def test_a_filter_that_means_too_many_cases_is_refused_with_the_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_api, "CASES_MAX", 2)
    asked = {"chosen": {"payer": "1999999999"}, "edit": {"team": "night"}}

    async def begin(number: int) -> tuple[int, dict[str, object]]:
        await desk.denied(remit(f"ACCT{number}", number=f"ICN{number}"))
        answer = await desk.http.post("/v1/cases:bulk", json=asked, headers={"Idempotency-Key": str(uuid4())})
        return answer.status_code, answer.json()

    await begin(1)
    status, told = await begin(2)
    assert (status, told["total"]) == (202, 2)
    status, told = await begin(3)
    assert (status, told["type"], told["cases_max"]) == (422, "urn:recours:problem:too-many-cases", 2)
    listed = (await desk.http.get("/v1/bulk-actions")).json()["items"]
    assert [each["total"] for each in listed] == [2, 1], "nothing was begun"
