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
    assert [each.headers["RateLimit"] for each in answers] == [
        f'"requests";r={left}' for left in ("3;t=2", "2;t=2", "1;t=2", "0;t=2")
    ] + ['"requests";r=0;t=1'] * 2
    assert {each.headers["RateLimit-Policy"] for each in answers} == {'"requests";q=4;w=2'}
    other = await ingest.http.get("/v1/nothing", headers=QUIET)
    assert (other.status_code, other.headers["RateLimit"]) == (404, '"requests";r=3;t=2'), "what is refused is counted too"
    assert (await ingest.http.get("/v1/ledger", headers=QUIET)).status_code == 200
    unknown = await ingest.http.get("/v1/ledger", headers={"Authorization": "Bearer nobody"})
    assert (unknown.status_code, "RateLimit" in unknown.headers) == (401, False), "who is nobody learns of nobody's share"
    alive = await ingest.http.get("/livez")
    assert (alive.status_code, "RateLimit" in alive.headers) == (200, False)
    asked = await ingest.http.get("/v1/ledger", headers=own_tokens("analytics").headers("local"))
    assert (asked.status_code, "RateLimit" in asked.headers) == (200, False), "a service asks on account of who was counted"


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

    async def large() -> AsyncIterator[bytes]:  # it may be: its length is not told
        yield one_payment(range(3, 6))

    assert refused(await ingest.http.post("/v1/interchanges", content=large())) == (429, "too-many-uploads", True)
    assert (await ingest.post(one_payment(range(9, 12)))).status_code == 202, "what is known to be small needs no place"
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
    full = await ingest.post(one_payment(range(3, 6)))
    assert refused(full) == (429, "too-much-waiting", True)
    assert full.headers["RateLimit-Policy"].startswith('"waiting";q=400;qu="content-bytes"')
    assert await ingest.count("interchanges") == 1
    other = await ingest.http.post("/v1/interchanges", content=one_payment(range(6, 9)), headers=QUIET)
    assert other.status_code == 202
    await ingest.read_all()
    now[0] = 4.0
    await ingest.accept(one_payment(range(3, 6)))
