"""One database of ingest for all of a module's tests, each of which is a tenant of its own."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from deploy.local.stack import Stack
from libs.common.clock import SystemClock
from libs.common.database import Database
from services.ingest.api import make_app
from tests.support import ServiceDatabase
from tests.support.access import VERIFIER, bearer

KEY = b"a key for tests alone"


@dataclass
class Log:
    """A tenant's way in, and the three roles beside it."""

    tenant: str
    http: httpx.AsyncClient
    api: Database
    worker: Database
    superuser: "asyncpg.Connection[Any]"

    async def entries(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/v1/audit-log", params=query)
        assert answer.status_code == 200, answer.text
        told: list[dict[str, Any]] = answer.json()["items"]
        return told[::-1]


@pytest.fixture(scope="module")
def made(servers: Stack, service_database: Callable[[str], ServiceDatabase]) -> ServiceDatabase:
    return service_database("ingest")


@pytest.fixture
async def log(made: ServiceDatabase, servers: Stack) -> AsyncIterator[Log]:
    tenant = f"tenant-{uuid4().hex[:8]}"
    api, worker = Database(made.api_url, pool_size=20), Database(made.worker_url)
    app = make_app(api, SystemClock(), VERIFIER)
    app.state.pseudonym_key = KEY
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    name = made.owner_url.rpartition("/")[2]
    superuser = await asyncpg.connect(servers.admin_url.rpartition("/")[0] + f"/{name}")
    async with httpx.AsyncClient(headers=bearer(tenant), transport=transport, base_url="http://ingest") as http:
        yield Log(tenant, http, api, worker, superuser)
    await superuser.close()
    await api.close()
    await worker.close()
