"""Ingest over its real database: the API as an application under its own role, the worker's reader called file by file."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from sqlalchemy import text

from libs.common.clock import FixedClock
from libs.common.database import Database
from services.ingest.api import make_app
from services.ingest.reading import IntakeReader
from services.ingest.reference.loading import ReferenceLoader
from services.ingest.sandbox.payer import Sandbox
from tests.support import ServiceDatabase
from tests.support.access import VERIFIER, bearer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SANDBOX = Sandbox(frozenset({"sandbox"}))


class Ingest:
    """One ingest service in this process. `local` is its tenant."""

    def __init__(self, urls: ServiceDatabase) -> None:
        self.urls = urls
        self.clock = FixedClock(NOW)
        self.api_database = Database(urls.api_url, pool_size=10)
        self.worker_database = Database(urls.worker_url)
        self.http = self.client("local")
        self.reader = self.new_reader()
        self.loader = ReferenceLoader(self.worker_database, self.clock)

    def client(self, tenant: str) -> httpx.AsyncClient:
        """Return a client of the API as another tenant sees it."""
        app = self.app = make_app(self.api_database, self.clock, VERIFIER)
        app.state.pseudonym_key = b"a key for tests alone"
        app.state.sandbox = SANDBOX
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(headers=bearer(tenant), transport=transport, base_url="http://ingest")

    def new_reader(self, **options: Any) -> IntakeReader:
        return IntakeReader(self.worker_database, self.clock, b"a key for tests alone", SANDBOX, **options)

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/v1/interchanges", content=body, headers=named)

    async def accept(self, body: bytes, **headers: str) -> str:
        """Post a file that the door lets in; return its id."""
        answer = await self.post(body, **headers)
        assert answer.status_code in (200, 202), answer.text
        return str(answer.json()["interchange_id"])

    async def read_all(self) -> None:
        while await self.reader.read_next():
            pass

    async def load(self, name: str, body: bytes, quarter: str = "2026Q1", **query: Any) -> dict[str, Any]:
        """Send a reference table, load what waits, and return how it fared."""
        answer = await self.http.post(f"/v1/reference/{name}", content=body, params={"quarter": quarter, **query})
        assert answer.status_code in (200, 202), answer.text
        while await self.loader.load_next():
            pass
        return dict(await self.get(answer.headers["Location"]))

    async def take(self, body: bytes, **headers: str) -> dict[str, Any]:
        """Post a file, read what waits, and return how the file fared."""
        interchange_id = await self.accept(body, **headers)
        await self.read_all()
        return dict(await self.get(f"/v1/interchanges/{interchange_id}"))

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Ask the database as its worker, who sees all tenants."""
        async with self.worker_database.begin() as tx:
            return list((await tx.execute(text(query), values)).all())

    async def rows_of(self, statement: str, tenant: str) -> None:
        """Change rows of a tenant behind the service's back."""
        async with self.worker_database.begin(tenant) as tx:
            await tx.execute(text(statement))

    async def count(self, table: str) -> int:
        ((count,),) = await self.rows(f"SELECT count(*) FROM {table}")
        return int(count)

    async def events(self) -> list[dict[str, Any]]:
        """Return the data of every event, with its key and sequence, in the order of the outbox."""
        rows = await self.rows("SELECT aggregateid, payload, headers FROM outbox ORDER BY seq")
        headers = [msgspec.json.decode(row.headers) for row in rows]
        return [
            {**msgspec.json.decode(row.payload), "key": row.aggregateid, "sequence": int(told["ce_sequence"])}
            for row, told in zip(rows, headers, strict=True)
        ]

    async def state(self) -> dict[str, Any]:
        """Return what must not change when the same is sent again: remits, events, the ledger."""
        tables = ("remittances", "provider_adjustments", "remits", "outbox", "accounts")
        return {table: await self.count(table) for table in tables} | {"ledger": await self.get("/v1/ledger")}

    async def close(self) -> None:
        await self.http.aclose()
        await self.api_database.close()
        await self.worker_database.close()


@pytest.fixture
async def ingest(service_database) -> AsyncIterator[Ingest]:
    running = Ingest(service_database("ingest"))
    yield running
    await running.close()


async def until(condition, seconds: float = 30) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in a database
            await asyncio.sleep(0.02)


def codes(interchange: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in interchange["errors"]]


def a_key() -> str:
    return uuid4().hex
