"""Analytics with a database of its own for a module: facts go in as the handlers record them, questions over HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from msgspec import Struct
from sqlalchemy import text

from libs.common.clock import Clock, FixedClock
from libs.common.database import Database
from services.analytics import store
from services.analytics.api import make_app
from services.analytics.facts import Fact
from services.analytics.handlers import record
from tests.support.access import VERIFIER, bearer

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


class Analytics:
    """Its database, and its HTTP interface for one tenant."""

    def __init__(self, worker: Database, api: Database, tenant: str) -> None:
        self.worker = worker
        self.api = api
        self.tenant = tenant
        self.http = self.client()

    def client(self, clock: Clock | None = None, **told: Any) -> httpx.AsyncClient:
        app = make_app(self.api, clock or FixedClock(NOW), VERIFIER, **told)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(headers=bearer(self.tenant), transport=transport, base_url="http://analytics")

    async def tell(self, *accounts: Sequence[Struct], first: int = 1) -> None:
        """Record the facts of some accounts, numbered from `first`, in one transaction."""
        async with self.worker.begin() as tx:
            numbered = enumerate(cast("Sequence[Sequence[Fact]]", accounts), first)
            told = [((self.tenant, UUID(int=number)), fact) for number, facts in numbered for fact in facts]
            await record(tx, told)

    async def end_days(self, through: date) -> None:
        """End all days up to one: what is told from now on is known later."""
        async with self.worker.begin() as tx:
            await store.end_days(tx, through)

    async def ask(self, kpi: str, /, **query: Any) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/kpis/{kpi}", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def analytics(service_database: Callable[[str], Any], request: pytest.FixtureRequest) -> AsyncIterator[Analytics]:
    """A tenant of its own in the module's database."""
    kept = request.module.__dict__
    made = kept.setdefault("_database", None) or service_database("analytics")
    kept["_database"] = made
    worker, api = Database(made.worker_url), Database(made.api_url)
    async with worker.begin() as tx:  # no day has ended yet
        await tx.execute(text("UPDATE days_ended SET through = DATE '0001-01-01'"))
    yield Analytics(worker, api, request.node.name[:60])
    await worker.close()
    await api.close()
