"""Remits and the three consuming services, each with a database of its own and its real handlers and decoders."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts import (
    appeal_decided,
    appeal_filed,
    claim_acknowledged,
    claim_submitted,
    denial_classified,
    records_requested,
    remit_matched,
    remit_received,
)
from libs.common.contracts.envelope import Event, Received, encode
from libs.common.contracts.remit_received import Adjustment, RemitReceivedV1, Totals
from libs.common.database import Database
from libs.common.ids import claim_key
from libs.common.messaging.consumer import Subscription
from services.analytics.handlers import SUBSCRIPTIONS as COUNTING
from services.appeals.handlers import Remit as AppealsRemit
from services.appeals.handlers import handle_denials as open_cases
from services.appeals.handlers import handle_remits as settle_cases
from services.appeals.handlers import hold
from services.appeals.records.attaching import handle_requests
from services.appeals.records.store import Asked
from services.appeals.store import Denial as AppealsDenial
from services.classifier.front_door import AnsweredClaim, handle_answers, handle_submitted
from services.classifier.handlers import RemitToClassify, handle
from services.classifier.odds.handlers import DecidedAppeal, FiledAppeal, handle_decided, handle_filed
from services.classifier.risk.claims import SubmittedClaim
from services.classifier.risk.intake import MatchedRemit, handle_matched

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SUBSCRIPTIONS = {
    "classifier": [
        Subscription(remit_received.TOPIC, remit_received.TYPE, RemitToClassify, handle),
        Subscription(claim_acknowledged.TOPIC, claim_acknowledged.TYPE, AnsweredClaim, handle_answers),
        Subscription(claim_submitted.TOPIC, claim_submitted.TYPE, SubmittedClaim, handle_submitted),
        Subscription(appeal_filed.TOPIC, appeal_filed.TYPE, FiledAppeal, handle_filed),
        Subscription(appeal_decided.TOPIC, appeal_decided.TYPE, DecidedAppeal, handle_decided),
        Subscription(remit_matched.TOPIC, remit_matched.TYPE, MatchedRemit, handle_matched),
    ],
    "appeals": [
        Subscription(remit_received.TOPIC, remit_received.TYPE, AppealsRemit, settle_cases),
        Subscription(denial_classified.TOPIC, denial_classified.TYPE, AppealsDenial, open_cases),
        Subscription(records_requested.TOPIC, records_requested.TYPE, Asked, handle_requests),
    ],
    "analytics": list(COUNTING),
}
HOLDS = {"appeals": hold}
DENIED = (("CO", "197", 10000),)  # authorization
CONTRACTUAL = (("CO", "45", 10000),)
PATIENT = (("PR", "1", 10000),)


@dataclass(frozen=True)
class Sent:
    """One event as it lies on its topic."""

    topic: str
    type: str
    tenant_id: str
    data: bytes
    id: UUID
    sequence: int = 1


def remit(
    pcn: str = "ACCT1",
    *,
    adjustments: Sequence[tuple[str, str, int]] = DENIED,
    charge: int = 10000,
    status: str = "1",
    tenant: str = "local",
    number: str = "ICN1",
    day: date = date(2026, 1, 10),
    remit_id: UUID | None = None,
    line: int | None = 1,
    **changed: Any,
) -> Sent:
    """Make a `remit.received`. Cents; what is not adjusted was paid. `line` is that of all adjustments."""
    groups: dict[str, int] = {}
    for group, _, cents in adjustments:
        groups[group] = groups.get(group, 0) + cents
    total = sum(groups.values())
    told: dict[str, Any] = {
        "remit_id": remit_id or uuid4(),
        "remittance_id": uuid4(),
        "interchange_id": uuid4(),
        "claim_key": claim_key(tenant, pcn),
        "patient_control_number": pcn,
        "payer_claim_control_number": number,
        "payer_id": "1999999999",
        "payer_name": "PAYER",
        "payment_on": day,
        "received_at": NOW,
        "claim_status_code": status,
        "charge_cents": charge,
        "paid_cents": charge - total,
        "adjustments": tuple(Adjustment(group, carc, cents, line=line) for group, carc, cents in adjustments),
        "totals": Totals(total, groups, 0),
    }
    data = RemitReceivedV1(**told | changed)
    return Sent(remit_received.TOPIC, remit_received.TYPE, tenant, encode(data), uuid4())


def reversal(
    pcn: str = "ACCT1", *, adjustments: Sequence[tuple[str, str, int]] = DENIED, charge: int = 10000, **changed: Any
) -> Sent:
    """Make the reversal of such a remit: its amounts negated."""
    turned = [(group, carc, -cents) for group, carc, cents in adjustments]
    return remit(pcn, adjustments=turned, charge=-charge, status="22", **changed)


def sent(events: Iterable[Event]) -> list[Sent]:
    return [Sent(event.topic, event.type, event.tenant_id, event.data, event.id) for event in events]


async def _at_once() -> None:
    return


class Service:
    """One service's database, and its handlers as the worker calls them."""

    def __init__(self, name: str, worker: Database, api: Database, owner_url: str = "") -> None:
        self.name = name
        self.worker = worker
        self.api = api
        self._owner_url = owner_url

    async def take(self, *events: Sent) -> list[Sent]:
        """Handle a batch in one transaction; return what goes out."""
        async with self.worker.begin() as tx:
            return await self.handle(tx, *events)

    async def handle(self, tx: AsyncConnection, *events: Sent, between: Callable[[], Awaitable[None]] = _at_once) -> list[Sent]:
        """Handle a batch in a transaction that somebody else ends; return what goes out. `between`: after each type of event."""
        batches = [
            (subscription, [self._received(each, subscription) for each in events if each.topic == subscription.topic])
            for subscription in SUBSCRIPTIONS[self.name]
        ]
        if self.name in HOLDS:
            await HOLDS[self.name](tx, [each for _, batch in batches for each in batch])
        out: list[Event] = []
        for subscription, batch in batches:
            if batch:
                out += await subscription.handle(tx, batch, NOW)
                await between()
        return sent(out)

    @staticmethod
    def _received(each: Sent, subscription: Subscription) -> Received[Any]:
        data = subscription.decoder.decode(each.data)
        key = str(msgspec.json.decode(each.data)["claim_key"])
        return Received(each.id, "recours/test", each.type, key, each.tenant_id, each.sequence, "a-file", None, data)

    async def forget_history(self) -> None:
        """Empty the history of cases, as only the owner can."""
        owner = Database(self._owner_url, pool_size=1)
        async with owner.begin() as tx:
            await tx.execute(text("TRUNCATE case_history"))
        await owner.close()

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.worker.begin() as tx:
            return [dict(row) for row in (await tx.execute(text(query), values)).mappings()]


async def service(name: str, service_database: Any) -> AsyncIterator[Service]:
    made = service_database(name)
    worker, api = Database(made.worker_url), Database(made.api_url)
    yield Service(name, worker, api, made.owner_url)
    await worker.close()
    await api.close()


@pytest.fixture
async def classifier(service_database: Any) -> AsyncIterator[Service]:
    async for each in service("classifier", service_database):
        yield each


@pytest.fixture
async def appeals(service_database: Any) -> AsyncIterator[Service]:
    async for each in service("appeals", service_database):
        yield each


@pytest.fixture
async def analytics(service_database: Any) -> AsyncIterator[Service]:
    async for each in service("analytics", service_database):
        yield each
