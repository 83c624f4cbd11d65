"""The feed of changed denials: every change once, whatever commits late; over a real database and the real routes."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from libs.common.clock import SystemClock
from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.database import Database
from libs.common.http.paging import write_cursor
from libs.common.ids import denial_id
from libs.common.reversals import Reversible
from services.classifier import store
from services.classifier.api import make_app
from tests.support.access import VERIFIER, bearer

NOW = datetime(2026, 1, 12, tzinfo=UTC)


def denial(**changed: Any) -> DenialClassifiedV1:
    ids = {name: uuid4() for name in ("remit_id", "remittance_id", "claim_key")}
    ids["denial_id"] = denial_id(ids["remit_id"])
    payer = {"payer_id": "1999999999", "payer_name": "PAYER", "payer_claim_control_number": "ICN1"}
    cents = {"charge_cents": 10000, "paid_cents": 0, "denied_cents": 10000}
    judged = {"category": "authorization", "kind": "soft", "action": "appeal", "explanation": "Why.", "confidence": 1.0}
    rest = {"revision": 1, "status": "active", "reasons": (), "rules": (), "recoverable": True, "classified_at": NOW}
    told: dict[str, Any] = ids | payer | cents | judged | rest
    told |= {"patient_control_number": "PCN1", "payment_on": date(2026, 1, 10)}
    return DenialClassifiedV1(**told | changed)


@pytest.fixture
async def databases(service_database) -> AsyncIterator[tuple[Database, Database]]:
    """As worker and as API."""
    made = service_database("classifier")
    worker, api = Database(made.worker_url), Database(made.api_url)
    yield worker, api
    await worker.close()
    await api.close()


@pytest.fixture
def worker(databases: tuple[Database, Database]) -> Database:
    return databases[0]


@pytest.fixture
async def client(databases: tuple[Database, Database]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(databases[1], SystemClock(), VERIFIER))
    async with httpx.AsyncClient(headers=bearer(), transport=transport, base_url="http://classifier") as client:
        yield client


async def insert(worker: Database, *denials: DenialClassifiedV1, tenant: str = "local") -> None:
    async with worker.begin() as tx:
        await store.insert_denials(tx, [(tenant, each) for each in denials])


async def retract(worker: Database, denied: DenialClassifiedV1) -> None:
    known = Reversible(denied.remit_id, "local", denied.claim_key, "1999999999", "ICN1", denied.payment_on, 10000, 0)
    async with worker.begin() as tx:
        assert await store.revise(tx, {known: "retracted"}, NOW)


async def changes(client: httpx.AsyncClient, **asked: Any) -> tuple[list[tuple[UUID, int]], str]:
    answer = await client.get("/v1/denials/changes", params=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return [(UUID(item["denial_id"]), item["revision"]) for item in told["items"]], told["next_cursor"]


async def test_a_change_that_commits_late_is_not_missed(worker: Database, client: httpx.AsyncClient) -> None:
    early, late = denial(), denial()
    _, cursor = await changes(client, start="now")
    async with worker.begin() as tx:
        await store.insert_denials(tx, [("local", late)])  # written first, committed last
        await insert(worker, early)
        found, cursor = await changes(client, cursor=cursor)
        assert found == []  # what stands behind a running transaction waits for it
    found, cursor = await changes(client, cursor=cursor)
    assert found == [(late.denial_id, 1), (early.denial_id, 1)]
    assert (await changes(client, cursor=cursor))[0] == []


async def test_a_retraction_comes_as_a_change_of_its_denial(worker: Database, client: httpx.AsyncClient) -> None:
    first, second = denial(), denial()
    await insert(worker, first, second)
    found, cursor = await changes(client)
    assert sorted(found) == sorted([(first.denial_id, 1), (second.denial_id, 1)])
    await retract(worker, first)
    assert (await changes(client, cursor=cursor))[0] == [(first.denial_id, 2)]


async def test_pages_of_changes_hold_each_change_once(worker: Database, client: httpx.AsyncClient) -> None:
    made = [denial() for _ in range(7)]
    await insert(worker, *made[:4])  # one transaction: pages are cut inside it
    for each in made[4:]:
        await insert(worker, each)
    part, cursor = await changes(client, limit=3)
    found = [*part]
    while part:
        part, cursor = await changes(client, limit=3, cursor=cursor)
        found += part
    assert sorted(found) == sorted((each.denial_id, 1) for each in made)


async def test_changes_are_filtered_and_those_of_one_tenant(worker: Database, client: httpx.AsyncClient) -> None:
    wanted = denial(category="duplicate")
    await insert(worker, wanted, denial())
    await insert(worker, denial(category="duplicate"), tenant="other")
    found, cursor = await changes(client, category="duplicate")
    assert found == [(wanted.denial_id, 1)]
    answer = await client.get("/v1/denials/changes", params={"cursor": cursor})
    assert answer.status_code == 400  # a cursor belongs to its filters


@pytest.mark.parametrize("position", ["", "x", "1", "-1:00000000-0000-0000-0000-000000000000", f"{1 << 64}:{UUID(int=0)}"])
async def test_a_cursor_that_was_tampered_with_is_refused(client: httpx.AsyncClient, position: str) -> None:
    cursor = write_cursor(position, "local", {"order": "changes"})
    answer = await client.get("/v1/denials/changes", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:recours:problem:bad-cursor")


@pytest.mark.parametrize("position", ["", "x", str(1 << 63)])
async def test_a_number_in_a_cursor_is_one_that_the_database_can_hold(client: httpx.AsyncClient, position: str) -> None:
    answer = await client.get("/v1/dead-letters", params={"cursor": write_cursor(position, "local", {})})
    assert answer.status_code == 400
