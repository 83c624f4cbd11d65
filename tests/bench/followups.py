"""The scan of follow-ups over a database of a million claims: everything that is open, the day after, and what was touched since.

`python -m tests.bench followups [--claims N] [--touched N]`

Of the claims nine in ten are answered, as after a year; the others are silent, accepted, or rejected, one half of each for so long
that they must be followed up. `full` is the first sweep: habits are learned, all that is open is found and judged, and follow-ups
are opened. `day_after` is the same with nothing new. `touched` are answered claims of which something new was booked. Seconds are
wall time, to be read beside the CPU seconds of this process and of PostgreSQL: the machine may be busy.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from libs.common.clock import FixedClock
from libs.common.database import Database, copy_rows
from libs.common.ids import named_id, uuid7
from services.ingest.followups import store
from services.ingest.followups.scan import FollowupScan
from tests.bench.meter import Meter, tell
from tests.bench.servers import own_database

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT: Final = "local"
PAYERS: Final = 20
ANSWERED: Final = 90  # of a hundred
_ROWS_A_COPY: Final = 50_000
_CLAIM: Final = (
    "tenant_id", "claim_id", "row_id", "claim_key", "sequence", "group_control_number", "set_control_number",
    "patient_control_number", "claim_type", "frequency_code", "charge_cents", "payer_id", "payer_name", "payer_kind",
    "claim_filing_code", "payer_sequence", "billing_npi", "rendering_npi", "facility_code", "service_from_on", "service_to_on",
    "member_reference", "original_payer_claim_control_number", "state", "submitted_at", "sent_on",
    "content",
)  # fmt: skip
_REMIT: Final = (
    "tenant_id", "remit_id", "row_id", "remittance_id", "interchange_id", "transaction_ordinal", "claim_ordinal", "claim_key",
    "sequence", "content_digest", "patient_control_number", "payer_claim_control_number", "claim_status_code", "payment_on",
    "charge_cents", "paid_cents", "adjustment_cents", "unbalanced_cents", "told", "segments",
)  # fmt: skip
_MATCH: Final = (
    "tenant_id", "remit_row_id", "remit_id", "claim_key", "payer_claim_control_number", "original_reference", "rendering_npi",
    "frequency_code", "result", "claim_id", "score", "differences", "decided_by", "decided_at",
)  # fmt: skip
_ACKNOWLEDGEMENT: Final = (
    "tenant_id", "acknowledgement_id", "row_id", "claim_key", "claim_id", "interchange_id", "patient_control_number", "source",
    "verdict", "acknowledged_on", "received_at", "payer_id", "payer_name", "payer_claim_control_number", "statuses",
)  # fmt: skip
_CONTENT: Final = bytes(500)  # as much as a claim takes, packed
_NOBODY: Final = UUID(int=0)

Row = tuple[Any, ...]


class Made:
    """One claim of the database, by its number."""

    def __init__(self, number: int) -> None:
        self.pcn = f"PCN{number:09d}"
        self.claim_id = named_id("bench claim", str(number))
        self.key = named_id("bench key", str(number))
        self.payer_id = f"PAYER{number % PAYERS}"
        self.is_answered = number * 37 % 100 < ANSWERED
        old = number % 2 == 0  # half of what is open waits too long
        self.submitted_at = NOW - timedelta(days=80 if self.is_answered or old else 2)
        self.state = "accepted" if self.is_answered else ("submitted", "accepted", "rejected")[number // 100 % 3]
        self.charge_cents = 5_000 + number % 90_000

    def claim(self) -> Row:
        on = (self.submitted_at - timedelta(days=3)).date()
        return (
            TENANT, self.claim_id, uuid7(), self.key, 1, "1", "0001", self.pcn, "professional", "1", self.charge_cents,
            self.payer_id, "PAYER", "commercial", "CI", "P", "1999999984", "", "11", on, on, self.pcn, "", self.state,
            self.submitted_at, self.submitted_at.date(), _CONTENT,
        )  # fmt: skip

    def remit(self, number: int, row_id: UUID) -> Row:
        paid_on = (self.submitted_at + timedelta(days=10 + number % 25)).date()
        return (
            TENANT, named_id("bench remit", str(number)), row_id, _NOBODY, _NOBODY, 1, 1, self.key, 2, b"", self.pcn, "", "1",
            paid_on, self.charge_cents, self.charge_cents, 0, 0, _CONTENT, "",
        )  # fmt: skip

    def match(self, number: int, row_id: UUID) -> Row:
        return (
            TENANT, row_id, named_id("bench remit", str(number)), self.key, "", "", "", "1", "matched", self.claim_id, 100, "[]",
            "score", NOW,
        )  # fmt: skip

    def acknowledgement(self) -> Row:
        verdict = "rejected" if self.state == "rejected" else "accepted"
        return (
            TENANT, named_id("bench answer", self.pcn), uuid7(), self.key, self.claim_id, _NOBODY, self.pcn, "277CA", verdict,
            self.submitted_at.date(), self.submitted_at, self.payer_id, "PAYER", "", "[]",
        )  # fmt: skip


async def fill(database: Database, claims: int) -> None:
    """COPY the rows of so many claims."""
    for first in range(0, claims, _ROWS_A_COPY):
        numbered = [(number, Made(number), uuid7()) for number in range(first, min(first + _ROWS_A_COPY, claims))]
        answered = [each for each in numbered if each[1].is_answered]
        heard = [made for _, made, _ in numbered if not made.is_answered and made.state != "submitted"]
        async with database.begin() as tx:
            await copy_rows(tx, "claims", _CLAIM, (made.claim() for _, made, _ in numbered))
            await copy_rows(tx, "remits", _REMIT, (made.remit(number, row_id) for number, made, row_id in answered))
            await copy_rows(tx, "matches", _MATCH, (made.match(number, row_id) for number, made, row_id in answered))
            await copy_rows(tx, "acknowledgements", _ACKNOWLEDGEMENT, (made.acknowledgement() for made in heard))


async def timed(name: str, scan: FollowupScan, postgres: int) -> dict[str, float]:
    """Let a scan catch up; return how many subjects it judged, the seconds, and the CPU seconds here and in PostgreSQL."""
    wall, cpu, meter = time.perf_counter(), time.process_time(), Meter({"postgres": postgres})
    judged = await scan.catch_up()
    return {
        f"{name}_judged": judged,
        f"{name}_seconds": round(time.perf_counter() - wall, 2),
        f"{name}_cpu_seconds": round(time.process_time() - cpu, 2),
        f"{name}_postgres_cpu_seconds": meter.end()["postgres"]["cpu_seconds"],
    }


async def measure(owner_url: str, worker_url: str, postgres: int, chosen: argparse.Namespace) -> dict[str, float]:
    database, clock = Database(worker_url), FixedClock(NOW)
    begun = time.perf_counter()
    await fill(database, chosen.claims)
    found: dict[str, float] = {"claims": chosen.claims, "copy_seconds": round(time.perf_counter() - begun, 1)}
    owner = Database(owner_url)
    async with owner.engine.connect() as connection:  # what autovacuum does in the minutes that nobody waits for here
        await connection.execute(text("VACUUM ANALYZE"))
    await owner.close()
    scan = FollowupScan(database, clock)
    found |= await timed("full", scan, postgres)
    async with database.begin() as tx:
        found["opened"] = (await tx.execute(text("SELECT count(*) FROM followups"))).scalar_one()
    clock.at += timedelta(days=1, minutes=1)
    found |= await timed("day_after", scan, postgres)
    answered = [made.claim_id for made in map(Made, range(chosen.touched * 2)) if made.is_answered][: chosen.touched]
    async with database.begin() as tx:
        await store.touch(tx, TENANT, (("claim", claim_id) for claim_id in answered), clock.now())
    found |= await timed("touched", scan, postgres)
    await database.close()
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench followups", description=__doc__)
    parser.add_argument("--claims", type=int, default=1_000_000)
    parser.add_argument("--touched", type=int, default=10_000)
    chosen = parser.parse_args(arguments)
    with own_database("ingest") as (stack, url):
        found = asyncio.run(measure(url["owner"], url["worker"], stack.pid("postgres") or 0, chosen))
    tell("followups", found)
