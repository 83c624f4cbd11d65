"""What a claim costs on its way into the sums of ten million facts, without Kafka: events go through the real handlers.

A part of `python -m tests.bench analytics`: a remit each, and a denial for each eighth, in batches of 2,000. Seconds are wall
time, CPU this process's and PostgreSQL's.
"""

import time
from datetime import UTC, date, datetime
from typing import Final
from uuid import uuid4

from libs.common.booking import BookedTotals
from libs.common.contracts import denial_classified, remit_received
from libs.common.contracts.envelope import Received
from libs.common.database import Database
from services.analytics import events, handlers
from tests.bench.analytics_years import PAYERS
from tests.bench.meter import Meter

NOW: Final = datetime(2026, 11, 29, tzinfo=UTC)
BATCH: Final = 2_000


async def take_in(worker_url: str, claims: int, pids: dict[str, int]) -> dict[str, float]:
    """Send remits, and a denial for each eighth, through the handlers; return claims a second and CPU."""
    database = Database(worker_url)
    batches = [[remit(number) for number in range(start, start + BATCH)] for start in range(0, claims, BATCH)]
    denials = [[_denial(each) for each in batch[::8]] for batch in batches]
    meter = Meter(pids)
    began, cpu = time.perf_counter(), time.process_time()
    for remits, refused in zip(batches, denials, strict=True):
        async with database.begin() as tx:
            await handlers.handle_remits(tx, remits, NOW)
        async with database.begin() as tx:
            await handlers.handle_facts(tx, refused, NOW)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    of_servers = sum(each["cpu_seconds"] for each in meter.end().values())  # while its connections live: they are processes
    await database.close()
    return {
        "intake_claims_per_second": round(claims / seconds),
        "intake_cpu_us_a_claim": round(cpu_seconds * 1e6 / claims, 1),
        "intake_cpu_us_a_claim_postgres": round(of_servers * 1e6 / claims, 1),
    }


def remit(number: int) -> Received[events.ReceivedRemit]:
    line = events.Line(6_000, "G0283")
    data = events.ReceivedRemit(
        remit_id=uuid4(),
        claim_key=uuid4(),
        payer_claim_control_number=f"ICN{number}",
        payer_id=f"P{number % PAYERS}",
        payer_name="PAYER",
        payment_on=date(2026, 11, 1 + number // BATCH % 28),
        received_at=NOW,
        claim_status_code="1",
        charge_cents=12_000,
        paid_cents=8_000,
        totals=BookedTotals({"CO": 4_000}, 0),
        lines=(line, line),
        service_from_on=date(2026, 10, 1),
    )
    return Received(uuid4(), "bench", remit_received.TYPE, str(data.claim_key), "local", 1, "bench", None, data)


def _denial(remit: Received[events.ReceivedRemit]) -> Received[events.ClassifiedDenial]:
    told = remit.data
    data = events.ClassifiedDenial(
        denial_id=told.remit_id,
        remit_id=told.remit_id,
        claim_key=told.claim_key,
        revision=1,
        status="active",
        payer_id=told.payer_id,
        payer_name=told.payer_name,
        payment_on=told.payment_on,
        category="authorization",
        denied_cents=4_000,
        classified_at=NOW,
        reasons=(events.Reason(2),),
        preventable=True,
    )
    return Received(uuid4(), "bench", denial_classified.TYPE, remit.key, "local", 1, "bench", None, data)
