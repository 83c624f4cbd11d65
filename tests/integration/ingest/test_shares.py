"""What one tenant may take, and that the others have theirs: requests, places for uploads, bytes that wait."""

import asyncio
from collections.abc import AsyncIterator

import httpx

from libs.common.http.rates import Places, Rates
from services.ingest.waiting import Waiting
from tests.integration.ingest.conftest import Ingest
from tests.integration.ingest.test_reading import one_payment
from tests.support.access import bearer, own_tokens

QUIET = bearer("quiet")


def refused(answer: httpx.Response) -> tuple[int, str, bool]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:recours:problem:"), "Retry-After" in answer.headers


async def test_a_tenant_that_asks_too_often_waits_and_the_others_do_not(ingest: Ingest) -> None:
    ingest.app.state.door.rates = Rates(2, lambda: 0.0)
    answers = [await ingest.http.get("/v1/ledger") for _ in range(6)]
    assert [each.status_code for each in answers] == [200, 200, 200, 200, 429, 429]
    assert refused(answers[-1]) == (429, "too-many-requests", True)
    assert (await ingest.http.get("/v1/ledger", headers=QUIET)).status_code == 200
    assert (await ingest.http.get("/livez")).status_code == 200
    asked = await ingest.http.get("/v1/ledger", headers=own_tokens("analytics").headers("local"))
    assert asked.status_code == 200, "a service asks on account of a request that was counted"


async def test_uploads_of_one_tenant_leave_places_for_others(ingest: Ingest) -> None:
    ingest.app.state.uploads = Places(2)
    begun, end = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        body = one_payment(range(3))
        yield body[:200]
        begun.set()
        await end.wait()
        yield body[200:]

    first = asyncio.create_task(ingest.http.post("/v1/interchanges", content=slow()))
    await begun.wait()
    assert refused(await ingest.post(one_payment(range(3, 6)))) == (429, "too-many-uploads", True)
    other = await ingest.http.post("/v1/interchanges", content=one_payment(range(6, 9)), headers=QUIET)
    assert other.status_code == 202
    end.set()
    assert (await first).status_code == 202
    assert (await ingest.post(one_payment(range(3, 6)))).status_code == 202


async def test_files_that_wait_are_bounded_for_each_tenant_until_they_are_read(ingest: Ingest) -> None:
    now = [0.0]
    ingest.app.state.waiting = Waiting(400, lambda: now[0])
    await ingest.accept(one_payment(range(3)))
    now[0] = 2.0
    assert refused(await ingest.post(one_payment(range(3, 6)))) == (429, "too-much-waiting", True)
    assert await ingest.count("interchanges") == 1
    other = await ingest.http.post("/v1/interchanges", content=one_payment(range(6, 9)), headers=QUIET)
    assert other.status_code == 202
    await ingest.read_all()
    now[0] = 4.0
    await ingest.accept(one_payment(range(3, 6)))
