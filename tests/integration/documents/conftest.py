"""Appeals' API over a database of its own and a folder for documents."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from libs.common.clock import FixedClock
from libs.common.database import Database
from services.appeals.api import make_app
from services.appeals.documents.blobs import Blobs, open_store
from services.appeals.documents.keeping import Desk
from tests.support import ServiceDatabase
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


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://appeals")


@pytest.fixture
async def appeals(service_database: Callable[[str], ServiceDatabase], tmp_path: Path) -> AsyncIterator[Appeals]:
    made = service_database("appeals")
    api, worker = Database(made.api_url), Database(made.worker_url)
    app = make_app(api, FixedClock(NOW), "local")
    folder = tmp_path / "documents"
    app.state.documents = Desk(Blobs(open_store(str(folder))))
    async with client_of(app) as http:
        yield Appeals(app, http, worker, folder)
    await api.close()
    await worker.close()
