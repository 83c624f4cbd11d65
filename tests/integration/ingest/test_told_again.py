"""What ingest tells again of a claim, as analytics takes it: a figure as of a day that has ended stays, whatever comes later."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from libs.common.contracts import claim_acknowledged, claim_submitted
from libs.common.contracts.envelope import Received
from libs.common.database import Database
from services.analytics.events import AcknowledgedClaim, SubmittedClaim
from services.analytics.handlers import record, told_by
from tests.integration.analytics.conftest import Analytics
from tests.integration.ingest.conftest import Ingest
from tests.support import ServiceDatabase
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode

SCHEMAS = {claim_submitted.TYPE: SubmittedClaim, claim_acknowledged.TYPE: AcknowledgedClaim}
JANUARY = {"from": "2026-01-01", "to": "2026-01-31"}


@pytest.fixture
async def analytics(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[Analytics]:
    urls = service_database("analytics")
    worker, api = Database(urls.worker_url), Database(urls.api_url)
    yield Analytics(worker, api, "local")
    await worker.close()
    await api.close()


class Told:
    """What ingest wrote for others goes on to analytics, each event once."""

    def __init__(self, ingest: Ingest, analytics: Analytics) -> None:
        self._ingest = ingest
        self._analytics = analytics
        self._place = 0

    async def take(self, on: date, body: bytes) -> None:
        """Let a file come on a day, and tell of it."""
        self._ingest.clock.at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
        await self._ingest.take(body)
        rows = await self._ingest.rows(
            "SELECT seq, id, type, payload, headers FROM outbox WHERE seq > :place ORDER BY seq", place=self._place
        )
        for row in rows:
            self._place = row.seq
            if row.type in SCHEMAS:
                facts, names = told_by(row.type, [_received(row)])
                async with self._analytics.worker.begin() as tx:
                    await record(tx, facts, names)


def _received(row: Any) -> Received[Any]:
    headers = msgspec.json.decode(row.headers)
    return Received(
        row.id, "recours/ingest", row.type, "", "local", int(headers["ce_sequence"]), "", None,
        msgspec.json.decode(row.payload, type=SCHEMAS[row.type]),
    )  # fmt: skip


async def figures(analytics: Analytics, **query: str) -> list[Any]:
    asked = [("clean-claim-rate", JANUARY | query), ("ar-aging", JANUARY | query), ("rejection-rate", JANUARY | query)]
    return [(await analytics.ask(name, **told))["total"] for name, told in asked]


async def test_a_correction_that_is_linked_weeks_later_changes_no_figure_of_a_day_that_has_ended(
    ingest: Ingest, analytics: Analytics
) -> None:
    told = Told(ingest, analytics)
    await told.take(date(2026, 1, 5), encode(made.one(made.claim("A"), control="1", on="20260105")))
    corrected = made.claim("A", more=["REF*G1*AUTH1"])
    await told.take(date(2026, 1, 10), encode(made.one(corrected, control="2", on="20260110")))
    await analytics.end_days(date(2026, 1, 31))
    then = await figures(analytics, as_of="2026-01-31")
    assert then[0]["denominator"] == 2
    rejected = made.acknowledgement(made.status("A", "A7:562:82", on="20260106"), on="20260106")
    await told.take(date(2026, 2, 10), encode(rejected))
    first, second, *_ = again = [each for each in await ingest.events() if "frequency_code" in each]
    assert [UUID(each["claim_id"]) for each in again] == [UUID(each["claim_id"]) for each in (first, second, second)]
    assert (again[2]["replaces_claim_id"], again[2]["submitted_at"]) == (first["claim_id"], second["submitted_at"])
    assert again[2]["linked_at"] == "2026-02-10T12:00:00Z"
    assert await figures(analytics, as_of="2026-01-31") == then
    assert (await figures(analytics))[0]["denominator"] == 1, "known by now: two submissions of one claim"
    february = await analytics.ask("clean-claim-rate", **{"from": "2026-02-01", "to": "2026-02-28"})
    assert february["total"]["denominator"] == 0, "told again on another day, it is of the day of its submission"
