"""Cases for tests of appeals, opened as the worker opens them: by a denial."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from libs.common.contracts import denial_classified
from libs.common.contracts.denial_classified import Reason
from libs.common.contracts.envelope import Received
from libs.common.database import Database
from libs.common.ids import claim_key, named_id
from services.appeals.handlers import handle_denials
from services.appeals.store import Denial

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def open_case(worker: Database, tenant: str = "local", **changed: Any) -> UUID:
    """Open a case and return its id."""
    denial_id = uuid4()
    told: dict[str, Any] = {
        "denial_id": denial_id,
        "revision": 1,
        "status": "active",
        "remit_id": uuid4(),
        "claim_key": claim_key(tenant, "ACCT1"),
        "patient_control_number": "ACCT1",
        "payer_claim_control_number": "ICN1",
        "payer_id": "1999999999",
        "payer_name": "PAYER",
        "payment_on": date(2026, 1, 10),
        "denied_cents": 10_000,
        "category": "authorization",
        "action": "appeal",
        "explanation": "No approval was asked for.",
        "reasons": (Reason("CO", "197", 10_000, "authorization", line=1),),
        "recoverable": True,
    }
    denial = Denial(**told | changed)
    received = Received(
        id=uuid4(),
        source="recours/test",
        type=denial_classified.TYPE,
        key=str(denial.claim_key),
        tenant_id=tenant,
        sequence=1,
        correlation_id="test",
        traceparent=None,
        data=denial,
    )
    async with worker.begin() as tx:
        await handle_denials(tx, [received], NOW)
    return named_id("case", str(denial.denial_id))
