"""All of a tenant as one archive a service: every table, what is sealed opened, nobody else's rows, and whole or not at all."""

import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

import httpx
import pytest

from deploy.local.layout import SERVICES
from deploy.local.stack import Stack
from libs.common.clock import SystemClock
from libs.common.database import Database, driver
from libs.common.errors import Transient
from libs.common.sealing.keys import cipher_of
from libs.common.tenants.archive import LEFT_OUT, archive
from libs.common.tenants.holdings import Holdings
from services.appeals.documents.blobs import Blobs
from services.ingest.packing import pack
from services.ingest.seals import HOLDINGS
from tests.integration.client.conftest import Run, recours
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase, run_apart
from tests.support.access import VERIFIER, bearer
from tests.support.rows import WORD, fill, superuser, tables

__all__ = ["recours"]

EXPORTER: Final = bearer("house", scope="tenants:export", sub="olga")
NOW: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)


async def seal(database: ServiceDatabase, holdings: Holdings, tenant: str) -> None:
    """Put in the place of what `fill` wrote what a service would have sealed."""
    worker = Database(database.worker_url)
    async with worker.begin(tenant) as tx:
        connection = await driver(tx)
        await connection.execute("DELETE FROM data_keys WHERE tenant_id = $1", tenant)
        cipher = await cipher_of(tx, tenant)
        for each in holdings.sealed:
            place = each.place
            keys = ", ".join(name for name, _ in place.key)
            row = await connection.fetchrow(f"SELECT {keys} FROM {place.table} WHERE tenant_id = $1", tenant)
            plain = WORD.encode() if each.unpack is bytes else pack(WORD.encode())
            sealed = cipher.seal(place, tuple(row or ()), plain)
            await connection.execute(f"UPDATE {place.table} SET {place.column} = $2 WHERE tenant_id = $1", tenant, sealed)
    await worker.close()


async def counts(servers: Stack, database: ServiceDatabase) -> dict[str, int]:
    owner = await superuser(servers, database)
    found = {
        table: await owner.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = 'theirs'") for table in await tables(owner)
    }
    await owner.close()
    return found


def app_of(service: str, database: Database) -> Any:
    return import_module(f"services.{service}.api").make_app(database, SystemClock(), VERIFIER)


async def fetch(app: Any, tenant: str, headers: dict[str, str] = EXPORTER) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as http:
        return await http.get(f"/v1/tenants/{tenant}/export")


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_is_in_the_archive_or_left_out_for_a_reason_and_what_is_sealed_is_opened(
    service: str, servers: Stack, service_database: Callable[[str], ServiceDatabase]
) -> None:
    urls = service_database(service)
    for tenant in ("theirs", "others"):
        run_apart(fill(servers, urls, tenant))
    database = Database(urls.api_url)
    app = app_of(service, database)
    holdings: Holdings = app.state.holdings
    for tenant in ("theirs", "others"):
        await seal(urls, holdings, tenant)
    for name, store in holdings.beside.items():
        assert isinstance(store, Blobs)
        for tenant in ("theirs", "others"):
            await store.put(tenant, io.BytesIO(f"{name} of {tenant}".encode() * 9000), "a/b.pdf" if name == "packets" else None)
    answer = await fetch(app, "theirs")
    before = await counts(servers, urls)  # that the archive was asked for stands in the log before it is written
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    with ZipFile(io.BytesIO(answer.content)) as file:
        told = json.loads(file.read("manifest.json"))
        listed = [json.loads(line) for line in file.read("objects.jsonl").splitlines()]
        assert set(before) - set(told["tables"]) == {"data_keys"} <= set(LEFT_OUT)
        for table, entry in told["tables"].items():
            raw = file.read(entry["file"])
            lines = [json.loads(line) for line in raw.splitlines()]
            assert entry["rows"] == len(lines) == before[table] > 0, table
            assert hashlib.sha256(raw).hexdigest() == entry["sha256"]
            assert {line["tenant_id"] for line in lines} == {"theirs"}, table
            assert "unreadable" not in entry, table
        for each in holdings.sealed:
            row = json.loads(file.read(f"tables/{each.place.table}.jsonl"))
            assert row[each.place.column] == WORD, each.place.name
        assert [file.read(each["file"]) for each in listed] == [f"{name} of theirs".encode() * 9000 for name in holdings.beside]
        assert {each["sha256"] for each in listed} == {hashlib.sha256(file.read(each["file"])).hexdigest() for each in listed}
        assert (told["objects"]["count"], told["format"], told["service"]) == (len(listed), "recours.tenant.v1", service)
    if service == "analytics":
        assert not {"secret", "old_secret"} & next(lines_of(answer.content, "webhooks")).keys()
    async with database.begin("theirs") as tx:
        query = "SELECT action, outcome, subject, object_ids FROM audit_log WHERE subject = 'olga'"
        entries = await (await driver(tx)).fetch(query)
    assert [tuple(entry) for entry in entries] == [("exportTenant", "disclosed", "olga", ["theirs"])]
    await database.close()


def lines_of(content: bytes, table: str) -> Iterator[dict[str, Any]]:
    with ZipFile(io.BytesIO(content)) as file:
        yield from map(json.loads, file.read(f"tables/{table}.jsonl").splitlines())


@pytest.fixture(scope="module")
def ingest(service_database: Callable[[str], ServiceDatabase]) -> ServiceDatabase:
    return service_database("ingest")


async def test_a_cell_that_does_not_open_is_told_and_costs_nothing_else(
    servers: Stack, service_database: Callable[[str], ServiceDatabase]
) -> None:
    urls = service_database("ingest")
    run_apart(fill(servers, urls))
    await seal(urls, HOLDINGS, "theirs")
    worker, database = Database(urls.worker_url), Database(urls.api_url)
    async with worker.begin() as tx:
        await (await driver(tx)).execute("UPDATE claims SET content = $1", b"\xff\xff\xffS" + bytes(60))
    content = (await fetch(app_of("ingest", database), "theirs")).content
    assert [row["content"] for row in lines_of(content, "claims")] == [{"unreadable": "key_destroyed"}]
    with ZipFile(io.BytesIO(content)) as file:
        assert json.loads(file.read("manifest.json"))["tables"]["claims"]["unreadable"] == 1
    assert [row["segments"] for row in lines_of(content, "remits")] == [WORD]
    await worker.close()
    await database.close()


async def test_who_has_no_scope_for_it_gets_no_archive_of_anybody(ingest: ServiceDatabase) -> None:
    database = Database(ingest.api_url)
    app = app_of("ingest", database)
    for headers in (bearer("theirs", scope=None, roles=["manager", "auditor", "operator"]), bearer("house", scope="tenants:admin")):
        answer = await fetch(app, "theirs", headers)
        assert (answer.status_code, answer.json()["scope"]) == (403, "tenants:export")
    await database.close()


class BreaksOff:
    """A store whose second object cannot be read to its end."""

    async def keys_of(self, tenant_id: str) -> AsyncIterator[list[str]]:
        yield ["one", "two"]

    async def size_of(self, _: str) -> int:
        return 3 << 20

    async def stream(self, key: str, _: int, end: int) -> AsyncIterator[bytes]:
        yield bytes(end - 1)
        if key == "two":
            raise Transient("documents_away")
        yield b"x"

    async def discard(self, keys: Any) -> None: ...


async def test_an_archive_that_broke_off_does_not_open(ingest: ServiceDatabase) -> None:
    database = Database(ingest.api_url)
    held = bytearray()

    async def fetch_all() -> None:
        async for piece in archive(database, Holdings("ingest", (), beside={"documents": BreaksOff()}), "broken", NOW):
            held.extend(piece)

    with pytest.raises(Transient):
        await fetch_all()
    assert len(held) > 6 << 20
    with pytest.raises(BadZipFile):
        ZipFile(io.BytesIO(held))
    await database.close()


def test_the_command_writes_an_archive_a_service_and_says_which_is_whole(
    ingest: ServiceDatabase,
    service_database: Callable[[str], ServiceDatabase],
    recours: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("libs.client.transport._ATTEMPTS", 1)
    broken = Holdings("appeals", (), beside={"documents": BreaksOff()})
    monkeypatch.setattr("services.appeals.api.holdings", lambda *_: broken)
    with served("ingest", ingest) as ingest_url, served("appeals", service_database("appeals")) as appeals_url:
        monkeypatch.setenv("RECOURS_INGEST_URL", ingest_url)
        monkeypatch.setenv("RECOURS_APPEALS_URL", appeals_url)
        for away in ("CLASSIFIER", "ANALYTICS"):
            monkeypatch.setenv(f"RECOURS_{away}_URL", "http://127.0.0.1:9")
        assert recours("tenants", "create", "clinic 9", "--why", "contract", "--service", "ingest")[0] == 0
        status, out, _ = recours("tenants", "export", "clinic 9", "--to", tmp_path, "--json")
    told = (line for line in out.splitlines() if line.startswith('{"service"'))  # beside what the services log
    lines = {one["service"]: one for one in map(json.loads, told)}
    assert (status, sorted(each.name for each in tmp_path.iterdir())) == (1, ["ingest.zip"])
    assert lines["ingest"]["rows"] == 3, "its row in the register, the audit log's entry of that, and of the export"
    assert {name for name, line in lines.items() if "problem" in line} == {"classifier", "appeals", "analytics"}
    with ZipFile(tmp_path / "ingest.zip") as file:
        assert json.loads(file.read("manifest.json"))["tenant_id"] == "clinic 9"


async def test_a_tenant_is_entered_once_and_one_that_stands_there_stays_as_it_is(ingest: ServiceDatabase) -> None:
    database = Database(ingest.api_url)
    transport = httpx.ASGITransport(app_of("ingest", database), raise_app_exceptions=False)
    operator = bearer("house", scope="tenants:admin", sub="olga")
    async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=operator) as http:
        made = await http.post("/v1/tenants/clinic-1", json={"why": "contract of 1 November"})
        assert (made.status_code, made.json()["state"], made.json()["why"]) == (201, "active", "contract of 1 November")
        await http.put("/v1/tenants/clinic-1", json={"state": "suspended", "why": "unpaid"})
        again = await http.post("/v1/tenants/clinic-1", json={"why": "once more"})
        assert (again.status_code, again.json()["state"], again.json()["why"]) == (200, "suspended", "unpaid")
        for name in ("%2E%2E", "x" * 65, "a%7Fb", "a%C2%85b"):
            assert (await http.post(f"/v1/tenants/{name}", json={"why": "x"})).status_code == 422, name
        assert (await http.post("/v1/tenants/clinic-2", json={"why": ""})).status_code == 422
        assert (await http.get("/v1/tenants/clinic-2")).status_code == 404
    async with database.begin("clinic-1") as tx:
        connection = await driver(tx)
        assert await connection.fetchval("SELECT count(*) FROM data_keys") == 1, "what is wrong with the master key shows now"
        actions = await connection.fetch("SELECT action FROM audit_log ORDER BY at")
    assert [row["action"] for row in actions] == ["createTenant", "putTenant"], "what changes nothing leaves no entry"
    await database.close()
