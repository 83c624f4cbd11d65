"""A tenant is erased: nothing of it stands in any table or store, nothing of anybody else is touched, and nothing comes back."""

import asyncio
import hashlib
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Final

import asyncpg
import httpx
import obstore
import pytest
from sqlalchemy import text

from deploy.local.layout import ROOT, SERVICES
from deploy.local.stack import Stack
from libs.common.clock import SystemClock
from libs.common.database import Database, driver
from libs.common.sealing.cipher import Unreadable
from libs.common.sealing.keys import forget
from libs.common.tenants import store as tenants
from libs.common.tenants.erasing import KEPT, Eraser
from libs.common.tenants.holdings import OF_NO_TENANT, Holdings
from services.appeals.documents.blobs import Blobs
from services.ingest.claims.examples import PROFESSIONAL
from services.ingest.seals import HOLDINGS
from tests.integration.client.conftest import Run, recours, working
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase, eventually, run_apart
from tests.support.access import VERIFIER, bearer, own_tokens
from tests.support.rows import fill, superuser, tables

__all__ = ["recours"]

OPERATOR: Final = bearer("house", scope="tenants:admin tenants:export", sub="olga")
NOW: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)


def client(app: Any, headers: dict[str, str] = OPERATOR) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers)


def app_of(service: str, database: Database) -> Any:
    app = import_module(f"services.{service}.api").make_app(database, SystemClock(), VERIFIER)
    app.state.pseudonym_key = b"a key for tests alone"
    return app


async def suspend(database: Database, tenant: str) -> None:
    async with database.begin(tenant) as tx:
        await tenants.put(tx, tenant, tenants.Change("suspended", False, "contract ended", "olga"), NOW)


async def give_up(database: Database, tenant: str) -> None:
    """Suspend a tenant and let it be erased."""
    await suspend(database, tenant)
    async with database.begin(tenant) as tx:
        assert await tenants.begin_erasing(tx, tenant, "contract ended", "olga", NOW)


async def state_of(database: Database, tenant: str) -> tuple[str, dict[str, int]]:
    async with database.begin(tenant) as tx:
        row = await tenants.find(tx, tenant)
    assert row is not None
    return row["state"], json.loads(row["erased"])


async def standing(servers: Stack, urls: ServiceDatabase, tenant: str) -> dict[str, tuple[int, str]]:
    """Return how many rows of a tenant stand in each table, and the digest of them."""
    owner = await superuser(servers, urls)
    found = {}
    for table in await tables(owner):
        rows = await owner.fetch(f"SELECT row::text AS told FROM {table} AS row WHERE tenant_id = $1 ORDER BY 1", tenant)
        found[table] = (len(rows), hashlib.sha256(str(rows).encode()).hexdigest())
    await owner.close()
    return found


@pytest.mark.parametrize("service", SERVICES)
async def test_nothing_of_an_erased_tenant_stands_in_any_table_or_store_and_others_are_untouched_to_the_byte(
    service: str, servers: Stack, service_database: Callable[[str], ServiceDatabase]
) -> None:
    urls = service_database(service)
    for tenant in ("theirs", "others"):
        run_apart(fill(servers, urls, tenant))
    worker, database = Database(urls.worker_url), Database(urls.api_url)
    holdings: Holdings = app_of(service, database).state.holdings
    async with worker.begin() as tx:
        await (await driver(tx)).execute("DELETE FROM data_keys")  # `fill` wrote none that opens
    for store in holdings.beside.values():
        assert isinstance(store, Blobs)
        for tenant in ("theirs", "others"):
            for name in (None, "a/b.pdf"):
                await store.put(tenant, io.BytesIO(b"a scan"), name)
    await suspend(database, "theirs")
    before = {tenant: await standing(servers, urls, tenant) for tenant in ("theirs", "others")}
    async with database.begin("theirs") as tx:
        assert await tenants.begin_erasing(tx, "theirs", "contract ended", "olga", NOW)
    assert await Eraser(worker, SystemClock(), holdings, rows_at_once=1).erase_all() == 1
    left = {table for table, (count, _) in (await standing(servers, urls, "theirs")).items() if count}
    assert left == set(KEPT), "a new table: is it of kind r, with its tenant first and row-level security forced?"
    assert await standing(servers, urls, "others") == before["others"]
    state, gone = await state_of(database, "theirs")
    expected = {table: count for table, (count, _) in before["theirs"].items() if count and table not in KEPT}
    assert (state, gone) == ("erased", expected | {f"objects/{name}": 2 for name in holdings.beside})
    for store in holdings.beside.values():
        assert [keys async for keys in store.keys_of("theirs")] in ([], [[], []])
        assert sum([len(keys) async for keys in store.keys_of("others")]) == 2
    await worker.close()
    await database.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_is_erased_or_kept_or_of_nobody(service: str, service_database: Callable[[str], ServiceDatabase]) -> None:
    owner = await asyncpg.connect(service_database(service).owner_url)
    rows = await owner.fetch(
        "SELECT relname, relkind = 'p' AS is_partitioned, relforcerowsecurity AS is_forced FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
    )
    await owner.close()
    erasable = {row["relname"] for row in rows if row["is_forced"] and not row["is_partitioned"]} | {"outbox"}
    of_analytics = set() if service == "analytics" else {"days_ended"}
    assert {row["relname"] for row in rows} - erasable == set(OF_NO_TENANT) - of_analytics
    assert set(KEPT) <= erasable


@pytest.fixture(scope="module")
def ingest(service_database: Callable[[str], ServiceDatabase]) -> ServiceDatabase:
    return service_database("ingest")


@pytest.fixture
async def worker(ingest: ServiceDatabase) -> AsyncIterator[Database]:
    made = Database(ingest.worker_url)
    yield made
    await made.close()


@pytest.fixture
async def database(ingest: ServiceDatabase) -> AsyncIterator[Database]:
    made = Database(ingest.api_url)
    yield made
    await made.close()


def eraser(worker: Database, **more: Any) -> Eraser:
    return Eraser(worker, SystemClock(), HOLDINGS, **more)


async def test_a_tenant_is_erased_only_when_it_is_suspended_and_not_held_and_its_name_is_said_again(
    database: Database, worker: Database
) -> None:
    app = app_of("ingest", database)
    async with client(app) as operator, client(app, bearer("north")) as north:

        async def ask(path: str, **body: Any) -> tuple[int, str]:
            answer = await operator.post(f"/v1/tenants/{path}", json=body)
            return answer.status_code, answer.json().get("type", answer.json().get("state")).rpartition(":")[2]

        again = {"confirm": "north", "why": "contract ended"}
        assert await ask("north/erase", **again) == (404, "not-found")
        assert (await north.post("/v1/claims", json=PROFESSIONAL, headers={"Idempotency-Key": "1"})).is_success
        assert await ask("north", why="contract") == (201, "active")
        assert await ask("north/erase", **again) == (409, "tenant-not-suspended")
        await operator.put("/v1/tenants/north", json={"state": "suspended", "legal_hold": True, "why": "matter 12"})
        assert await ask("north/erase", **again) == (409, "tenant-held")
        await operator.put("/v1/tenants/north", json={"legal_hold": False, "why": "settled"})
        assert await ask("north/erase", confirm="south", why="contract ended") == (422, "not-confirmed")
        assert await eraser(worker).erase_all() == 0, "nothing was begun so far"
        assert await ask("north/erase", **again) == (202, "erasing")
        assert await ask("north/erase", **again) == (202, "erasing"), "said again it does no harm"
        neighbour = own_tokens("appeals").headers("north")
        for headers, path in ((bearer("north"), "claims"), (bearer("north"), "outbox"), (neighbour, "claims")):
            async with client(app, headers) as http:
                answer = await http.get(f"/v1/{path}")
                assert (answer.status_code, answer.json()["type"]) == (403, "urn:recours:problem:tenant-erased")
        assert (await north.get("/v1/audit-log")).status_code == 200, "what is left can be read"
        assert await eraser(worker).erase_all() == 1
        told = (await operator.get("/v1/tenants/north")).json()
        assert (told["state"], told["erased"]["claims"], told["why"], told["changed_by"]) == ("erased", 1, "contract ended", "olga")
        assert told["erased_at"] is not None
        for state in ("active", "suspended"):
            assert (await operator.put("/v1/tenants/north", json={"state": state, "why": "back"})).status_code == 409
        assert await ask("north", why="back") == (409, "tenant-erased"), "a name is not used again"
        assert (await operator.get("/v1/tenants/north/export")).json()["type"].endswith("tenant-erased")
    async with database.begin("north") as tx:
        entries = await tx.execute(text("SELECT action, outcome FROM audit_log WHERE subject = 'olga' ORDER BY at"))
        assert [row[0] for row in entries][-1] == "eraseTenant", "the audit log is kept"


async def test_a_hold_stops_what_was_begun_and_a_release_lets_it_go_on(database: Database, worker: Database) -> None:
    await give_up(database, "held")
    async with database.begin("held") as tx:
        await tx.execute(text("INSERT INTO accounts (tenant_id, claim_key, version) VALUES ('held', gen_random_uuid(), 1)"))
        await tenants.put(tx, "held", tenants.Change(None, True, "matter 12", "olga"), NOW)
    await eraser(worker).erase_all()
    assert (await state_of(database, "held"))[0] == "erasing"
    async with worker.begin() as tx:
        connection = await driver(tx)
        assert await connection.fetchval("SELECT count(*) FROM accounts WHERE tenant_id = 'held'") == 1
    async with database.begin("held") as tx:
        await tenants.put(tx, "held", tenants.Change(None, False, "settled", "olga"), NOW)
    assert await eraser(worker).erase_all() == 1
    assert await state_of(database, "held") == ("erased", {"accounts": 1})


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT erase_rows('served', 'claims', 1)",
        "SELECT erase_events('served', 'outbox', 0, 1)",
        "SELECT erase_rows('gone', 'audit_log', 1)",
        "SELECT erase_rows('gone', 'tenants', 1)",
        "SELECT erase_rows('gone', 'outbox', 1)",
        "SELECT erase_rows('gone', 'relay_position', 1)",
    ],
)
async def test_the_worker_erases_nothing_but_what_is_to_be_erased(database: Database, worker: Database, statement: str) -> None:
    async with database.begin("gone") as tx:
        known = await tenants.find(tx, "gone")
    if known is None:
        await give_up(database, "gone")
    for role in (worker, database):
        with pytest.raises(Exception, match=r"not to be erased|not a table to be erased|permission denied"):
            async with role.begin() as tx:
                await (await driver(tx)).execute(statement)


_ERASE_SLOWLY: Final = """
import asyncio, sys
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.tenants.erasing import Eraser
from services.ingest.seals import HOLDINGS
asyncio.run(Eraser(Database(sys.argv[1]), SystemClock(), HOLDINGS, rows_at_once=1).erase_all())
"""


async def test_killed_in_the_middle_it_goes_on_and_counts_each_row_once(
    ingest: ServiceDatabase, database: Database, worker: Database
) -> None:
    rows = 1000
    async with worker.begin() as tx:
        query = "INSERT INTO accounts SELECT 'killed', gen_random_uuid(), 1 FROM generate_series(1, :rows)"
        await tx.execute(text(query), {"rows": rows})
    await give_up(database, "killed")
    command = (sys.executable, "-c", _ERASE_SLOWLY, ingest.worker_url)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})

    def gone() -> int:
        return int(run_apart(counted(ingest.worker_url)))

    await asyncio.to_thread(eventually, lambda: gone() > 20)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with worker.begin() as tx:
        left = await (await driver(tx)).fetchval("SELECT count(*) FROM accounts WHERE tenant_id = 'killed'")
    assert 0 < left == rows - gone()
    assert await eraser(worker).erase_all() == 1
    assert await state_of(database, "killed") == ("erased", {"accounts": rows})


async def counted(url: str) -> int:
    owner = await asyncpg.connect(url)
    found: int = await owner.fetchval("SELECT COALESCE((erased ->> 'accounts')::int, 0) FROM tenants WHERE tenant_id = 'killed'")
    await owner.close()
    return found


async def test_it_waits_for_a_transaction_that_could_not_know_and_takes_what_that_writes(
    ingest: ServiceDatabase, database: Database, worker: Database
) -> None:
    unaware = await asyncpg.connect(ingest.worker_url)
    transaction = unaware.transaction()
    await transaction.start()
    await unaware.execute("INSERT INTO inbox (event_id, source) VALUES (gen_random_uuid(), 'recours/test')")
    await give_up(database, "late")
    erasing = asyncio.create_task(eraser(worker).erase_all())
    await asyncio.sleep(0.5)
    assert not erasing.done()
    await unaware.execute("INSERT INTO accounts (tenant_id, claim_key, version) VALUES ('late', gen_random_uuid(), 1)")
    await transaction.commit()
    assert await erasing == 1
    assert await state_of(database, "late") == ("erased", {"accounts": 1})
    await unaware.execute("INSERT INTO accounts (tenant_id, claim_key, version) VALUES ('late', gen_random_uuid(), 1)")
    await unaware.close()
    assert await eraser(worker).sweep() == 1, "what comes all the same is found by the hourly look"
    assert await state_of(database, "late") == ("erased", {"accounts": 2})


async def test_a_copy_of_a_documents_bytes_is_not_to_be_read_without_the_key_that_went(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    urls = service_database("appeals")
    worker, database = Database(urls.worker_url), Database(urls.api_url)
    holdings: Holdings = app_of("appeals", database).state.holdings
    store = holdings.beside["documents"]
    assert isinstance(store, Blobs)
    key = await store.put("north", io.BytesIO(b"a scan of Ada Lovelace"))
    copy = bytes(obstore.get(store._store, key).bytes())  # what a backup of the store holds
    assert b"Lovelace" not in copy
    await give_up(database, "north")
    assert await Eraser(worker, SystemClock(), holdings).erase_all() == 1
    assert await store.size_of(key) is None
    obstore.put(store._store, key, copy)
    forget(database)
    with pytest.raises(Unreadable):
        await anext(store.stream(key, 0, 22))
    await worker.close()
    await database.close()


def test_the_command_asks_for_the_name_watches_and_counts(
    ingest: ServiceDatabase, recours: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served("ingest", ingest) as url, working(ingest.worker_url, lambda worker: eraser(worker).run()):
        monkeypatch.setenv("RECOURS_INGEST_URL", url)
        here = ("--service", "ingest", "--why", "contract ended")
        sent = httpx.post(f"{url}/v1/claims", json=PROFESSIONAL, headers={**bearer("west"), "Idempotency-Key": "1"})
        assert sent.is_success
        monkeypatch.setattr("sys.stdin", io.StringIO("east\n"))
        assert recours("tenants", "erase", "west", *here)[0] == 2
        status, _, err = recours("tenants", "erase", "west", *here, "--yes")
        assert (status, "not-found" in err) == (1, True)
        assert recours("tenants", "suspend", "west", *here)[0] == 0
        monkeypatch.setattr("sys.stdin", io.StringIO("west\n"))
        status, out, _ = recours("tenants", "erase", "west", *here)
        assert (status, "erased" in out) == (0, True)
        status, out, _ = recours("tenants", "erase", "west", *here, "--yes", "--json")
        told = json.loads(out)
        assert (status, told["tenant"]["state"], told["tenant"]["erased"]["claims"]) == (0, "erased", 1)
