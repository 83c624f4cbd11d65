"""The simulated payer: what it sends waits in the database and comes in when it is due, once, and for sandboxes alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.retention.forgetting import Forgetter
from services.ingest.claims.examples import PROFESSIONAL
from services.ingest.retention import KINDS
from services.ingest.sandbox.payer import SandboxPayer
from services.ingest.store import insert_interchange
from tests.integration.ingest.conftest import NOW, SANDBOX, Ingest
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode


@pytest.fixture
async def http(ingest: Ingest) -> AsyncIterator[httpx.AsyncClient]:
    async with ingest.client("sandbox") as client:
        yield client


@pytest.fixture
def payer(ingest: Ingest) -> SandboxPayer:
    return SandboxPayer(ingest.worker_database, ingest.clock, SANDBOX.tenants)


def asking(pcn: str, **changes: Any) -> dict[str, Any]:
    return {**PROFESSIONAL, "patient_control_number": pcn, **changes}


async def send(http: httpx.AsyncClient, claim: dict[str, Any]) -> str:
    answer = await http.post("/v1/claims", json=claim)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["claim_id"])


async def get(http: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_answers_come_in_as_files_each_at_its_hour(ingest: Ingest, http: httpx.AsyncClient, payer: SandboxPayer) -> None:
    claim_id = await send(http, asking("SBX-REVERSED-1"))
    assert await payer.hand_in() == 0
    seen = []
    for seconds in (2, 5, 10):
        ingest.clock.at = NOW + timedelta(seconds=seconds, microseconds=-1)
        assert await payer.hand_in() == 0
        ingest.clock.at = NOW + timedelta(seconds=seconds)
        assert await payer.hand_in() == 1
        await ingest.read_all()
        claim, balance = await get(http, f"/v1/claims/{claim_id}"), await get(http, f"/v1/claims/{claim_id}/balance")
        seen.append((claim["state"], balance["paid_cents"]))
    assert seen == [("accepted", 0), ("accepted", 23_050), ("accepted", 0)]
    found = (await get(http, "/v1/interchanges"))["items"]
    assert [each["status"] for each in found] == ["accepted"] * 3
    assert (await get(http, f"/v1/interchanges/{found[0]['interchange_id']}"))["transactions"][0]["claims"] == 1
    assert await ingest.count("sandbox_letters") == 0


async def test_a_tenant_with_a_real_payer_hears_nothing_ever(ingest: Ingest, payer: SandboxPayer) -> None:
    await send(ingest.http, asking("SBX-PAID-1"))
    await ingest.take(encode(made.one(made.claim("SBX-29-1"))))
    line = json.dumps(asking("SBX-97-1"))
    await ingest.http.post("/v1/claims:batch", content=line, headers={"content-type": "application/x-ndjson"})
    assert await ingest.count("claims") == 3
    ingest.clock.at = NOW + timedelta(days=400)
    assert await payer.hand_in() == 0
    assert await ingest.count("sandbox_letters") == 0


async def test_what_nobody_hands_in_any_more_is_forgotten_after_a_month(ingest: Ingest, http: httpx.AsyncClient) -> None:
    await send(http, asking("SBX-REVERSED-1"))
    for days, gone in ((29, 0), (31, 3)):
        assert await Forgetter(ingest.worker_database, FixedClock(NOW + timedelta(days=days)), KINDS).forget() == gone
    assert await ingest.count("sandbox_letters") == 0


async def test_a_claim_is_answered_by_whatever_way_it_came_and_once(
    ingest: Ingest, http: httpx.AsyncClient, payer: SandboxPayer
) -> None:
    line = json.dumps(asking("SBX-97-1")).encode()
    file = encode(made.one(made.claim("SBX-29-1")))
    for again in (b"", b"\n"):
        await send(http, asking("SBX-PAID-1"))
        await http.post("/v1/claims:batch", content=line + again, headers={"content-type": "application/x-ndjson"})
        await http.post("/v1/interchanges", content=file + again)
        await ingest.read_all()
    assert await ingest.count("sandbox_letters") == 6
    ingest.clock.at = NOW + timedelta(seconds=5)
    assert await payer.hand_in() == 6
    await ingest.read_all()
    claims = (await get(http, "/v1/claims"))["items"]
    assert [each["state"] for each in claims] == ["accepted"] * 3
    assert (await get(http, "/v1/ledger"))["totals"]["remits"] == 3


async def test_a_worker_that_ends_in_the_middle_hands_nothing_in_and_the_next_one_all_of_it_once(
    ingest: Ingest, http: httpx.AsyncClient, payer: SandboxPayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await send(http, asking(f"SBX-PAID-{number}"))
    ingest.clock.at = NOW + timedelta(seconds=5)
    handed = 0

    async def ends(*told: Any) -> bool:
        nonlocal handed
        handed += 1
        if handed == 7:
            raise asyncio.CancelledError
        return await insert_interchange(*told)

    with monkeypatch.context() as broken:
        broken.setattr("services.ingest.sandbox.payer.insert_interchange", ends)
        with pytest.raises(asyncio.CancelledError):
            await payer.hand_in()
    assert (await ingest.count("interchanges"), await ingest.count("sandbox_letters")) == (0, 10)
    other = Database(ingest.urls.worker_url)
    both = (payer, SandboxPayer(other, ingest.clock, SANDBOX.tenants))
    assert sum(await asyncio.gather(*(each.hand_in() for each in both for _ in range(3)))) == 10
    await other.close()
    assert (await ingest.count("interchanges"), await ingest.count("sandbox_letters")) == (10, 0)


async def test_a_claim_that_no_file_can_say_is_kept_and_never_answered(ingest: Ingest, http: httpx.AsyncClient) -> None:
    subscriber = {**PROFESSIONAL["subscriber"], "last_name": "\u0141"}  # not latin-1
    await send(http, asking("SBX-PAID-1", subscriber=subscriber))
    assert (await ingest.count("claims"), await ingest.count("sandbox_letters")) == (1, 0)
