"""Appeals' API over a database of its own and a folder for documents."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.object_stores import open_store
from services.appeals import ingest as asking
from services.appeals.api import make_app
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.keeping import Desk
from services.ingest.claims.examples import PROFESSIONAL
from services.ingest.sandbox.payer import SandboxPayer
from tests.integration.ingest.conftest import SANDBOX, Ingest
from tests.support import ServiceDatabase
from tests.support.access import VERIFIER, bearer, own_tokens
from tests.support.cases import NOW, open_case


@dataclass
class Appeals:
    """The service as it runs: its application, its database as both roles, the folder of its documents."""

    app: FastAPI
    http: httpx.AsyncClient
    worker: Database
    folder: Path

    async def case(self, tenant: str = "local", **changed: Any) -> UUID:
        return await open_case(self.worker, tenant, **changed)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.worker.begin() as tx:
            return [dict(row) for row in (await tx.execute(text(query), values)).mappings()]

    def files(self) -> list[Path]:
        """Return where bytes lie."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


def client_of(app: FastAPI, tenant: str = "local") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(headers=bearer(tenant), transport=transport, base_url="http://appeals")


@pytest.fixture
async def appeals(service_database: Callable[[str], ServiceDatabase], tmp_path: Path) -> AsyncIterator[Appeals]:
    made = service_database("appeals")
    api, worker = Database(made.api_url), Database(made.worker_url)
    app = make_app(api, FixedClock(NOW), VERIFIER)
    folder = tmp_path / "documents"
    app.state.documents = Desk(Blobs(open_store(str(folder)), api))
    async with client_of(app) as http:
        yield Appeals(app, http, worker, folder)
    await api.close()
    await worker.close()


@dataclass
class Refused:
    """A claim that a simulated payer refused, as ingest holds it, and the case about it; tenant `sandbox` in both services."""

    ingest: Ingest
    http: httpx.AsyncClient
    claim_id: str
    case: UUID


@pytest.fixture
async def refused(appeals: Appeals, service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[Refused]:
    """Let a claim be refused, and appeals ask the ingest that holds it."""
    ingest = Ingest(service_database("ingest"))
    async with ingest.client("sandbox") as http:
        sent = await http.post("/v1/claims", json={**PROFESSIONAL, "patient_control_number": "SBX-197-1"})
        claim_id = str(sent.json()["claim_id"])
        ingest.clock.at += timedelta(minutes=1)
        assert await SandboxPayer(ingest.worker_database, ingest.clock, SANDBOX.tenants).hand_in() == 2
        await ingest.read_all()
        [match] = (await http.get("/v1/matches")).json()["items"]
        appeals.http.headers.update(bearer("sandbox"))
        appeals.app.state.ingest = asking.Ingest("http://ingest", own_tokens("appeals"), httpx.ASGITransport(ingest.app))
        told = {"remit_id": UUID(match["remit_id"]), "patient_control_number": "SBX-197-1"}
        told |= {"payer_claim_control_number": match["payer_claim_control_number"]}
        case = await appeals.case("sandbox", **told, category="timely_filing")
        yield Refused(ingest, http, claim_id, case)
        await appeals.app.state.ingest.close()
    await ingest.close()
