"""Appeals with a million open cases: the next case for fifty callers, the clock's pass, and how fast cases open.

`python -m tests.bench appeals [--cases N] [--seconds N]`

`next`: a process of the real API (uvicorn, row-level security), and fifty callers over HTTP who each ask, work for a second or so,
and ask again; milliseconds as the callers see them. `flood` is the same without that second: what the process can do at most.
`clock` is the pass of one more day: everything that time alone changed since, warnings and expiries included; `slept` is that of
ten more days. `opening` takes denials as the consumer hands them over, in batches of 2,000, beside the million that is there.
Seconds are wall time, to be read beside the CPU seconds of this process and of PostgreSQL: the machine may be busy.

A part is a function of PARTS that gets `Here` and returns its figures: what letters and packets cost belongs there, too.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import quantiles
from typing import Any, Final
from uuid import UUID

import httpx
import msgspec
from sqlalchemy import text

from deploy.local.layout import ROOT, Ports
from libs.common.clock import FixedClock
from libs.common.contracts.denial_classified import Reason
from libs.common.contracts.envelope import Received
from libs.common.database import Database, copy_rows
from libs.common.ids import claim_key, named_id, uuid7
from services.appeals.deadlines.clocks import Facts
from services.appeals.deadlines.levels import UNCONFIGURED
from services.appeals.handlers import handle_denials
from services.appeals.store import Denial
from services.appeals.workflow import CaseState
from services.appeals.worklist.clock import CaseClock
from services.appeals.worklist.placing import Case, Placed, Told, place
from tests.bench import appeals_letters
from tests.bench.meter import Meter, tell
from tests.bench.servers import own_database

TENANT: Final = "local"
PAYERS: Final = 20
CALLERS: Final = 50
BATCH: Final = 2000
_DAYS: Final = 120  # cases were paid on these days before today: every one is still open
_ROWS_A_COPY: Final = 50_000
_REASONS: Final = msgspec.json.encode([Reason("CO", "50", 10_000, "medical_necessity", ("N115",), 1)]).decode()
_CASE: Final = (
    "tenant_id", "case_id", "row_id", "state", "version", "denial_id", "denial_revision", "remit_id", "claim_key",
    "patient_control_number", "payer_claim_control_number", "payer_id", "payer_name", "payment_on", "category", "action",
    "denied_cents", "explanation", "reasons", "opened_at", "changed_at", "appeal_by_on", "judged",
)  # fmt: skip
_PLACE: Final = (
    "place", "queue", "score", "expected_cents", "level", "deadline_on", "deadline_is", "expires_on", "known_on", "look_at",
)  # fmt: skip
_EXPLANATION: Final = "The payer calls the service not medically necessary. Appeal with the records that show why it was needed."


@dataclass(frozen=True)
class Here:
    """What a part measures with: the database by role, PostgreSQL's process, the moment of the filling, and what was asked for."""

    api_url: str
    worker: Database
    postgres: int
    now: datetime
    chosen: argparse.Namespace


def placed(number: int, paid_on: date, now: datetime) -> tuple[Placed, str]:
    """Return where a case stands, reckoned as the service does, and what it was told."""
    told = Told(Facts("appeal", ("send_documents",), paid_on, "medicare"))
    case = Case(TENANT, UUID(int=number), CaseState.OPEN, "", "medical_necessity", 10_000 + number * 7919 % 990_000, told)
    return place(case, UNCONFIGURED, now), msgspec.json.encode(told).decode()


async def fill(database: Database, cases: int, now: datetime) -> None:
    """COPY so many open cases with their places."""
    for first in range(0, cases, _ROWS_A_COPY):
        rows, places = [], []
        for number in range(first, min(first + _ROWS_A_COPY, cases)):
            paid_on = (now - timedelta(days=number % _DAYS)).date()
            stands, told = placed(number, paid_on, now)
            case_id, pcn, cents = named_id("bench case", str(number)), f"PCN{number:09d}", 10_000 + number * 7919 % 990_000
            payer_id = f"PAYER{number % PAYERS}"
            rows.append(
                (
                    TENANT, case_id, uuid7(), "open", 1, case_id, 1, case_id, claim_key(TENANT, pcn), pcn, "ICN", payer_id, "PAYER",
                    paid_on, "medical_necessity", "appeal", cents, _EXPLANATION, _REASONS, now, now, stands.deadline_on,
                    "pursue",
                )
            )  # fmt: skip
            places.append((TENANT, case_id, payer_id, cents, told, *(getattr(stands, name) for name in _PLACE)))
        async with database.begin() as tx:
            await copy_rows(tx, "cases", _CASE, rows)
            await copy_rows(tx, "worklist", ("tenant_id", "case_id", "payer_id", "amount_cents", "told", *_PLACE), places)


async def measured(name: str, here: Here, work: Callable[[], Awaitable[int]]) -> dict[str, float]:
    """Do something; return how many it was, the seconds, and the CPU seconds here and in PostgreSQL."""
    wall, cpu, meter = time.perf_counter(), time.process_time(), Meter({"postgres": here.postgres})
    count = await work()
    return {
        f"{name}_cases": count,
        f"{name}_seconds": round(time.perf_counter() - wall, 2),
        f"{name}_cpu_seconds": round(time.process_time() - cpu, 2),
        f"{name}_postgres_cpu_seconds": meter.end()["postgres"]["cpu_seconds"],
    }


async def asking(http: httpx.AsyncClient, number: int, until: float, pause: float) -> list[float]:
    """Ask for the next case until the time is over; return the milliseconds of each answer. Nobody keeps step with the others."""
    took, chance = [], Random(number)
    await asyncio.sleep(chance.random() * pause)
    while time.perf_counter() < until:
        begun = time.perf_counter()
        answer = await http.post("/v1/cases:next", json={"worker": f"w{number}", "lease_seconds": 3600})
        took.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(chance.uniform(0.5, 1.5) * pause)
    return took


async def next_case(here: Here) -> dict[str, float]:
    """Measure `cases:next`, with a moment of work between and without."""
    ports = Ports.free()
    environment = {
        **os.environ, "RECOURS_DATABASE_URL": here.api_url, "RECOURS_PORT": ports.url("appeals").rpartition(":")[2],
        "RECOURS_TENANT": TENANT, "RECOURS_KAFKA": "127.0.0.1:1", "RECOURS_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    command = (sys.executable, "-m", "services.appeals", "api")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
    found: dict[str, float] = {}
    try:
        limits = httpx.Limits(max_connections=CALLERS, max_keepalive_connections=CALLERS)
        async with httpx.AsyncClient(base_url=ports.url("appeals"), limits=limits, timeout=30) as http:
            await _answers(http)
            for name, pause in (("warm", 1.0), ("next", 1.0), ("flood", 0.0)):
                meter = Meter({"api": process.pid, "postgres": here.postgres})
                until = time.perf_counter() + (3 if name == "warm" else here.chosen.seconds)
                told = await asyncio.gather(*(asking(http, number, until, pause) for number in range(CALLERS)))
                took = sorted(each for times in told for each in times)
                cut = quantiles(took, n=100)
                costs = meter.end()
                if name != "warm":
                    found |= {f"{name}_a_second": round(len(took) / here.chosen.seconds, 1)}
                    found |= {f"{name}_p50_ms": round(cut[49], 1), f"{name}_p99_ms": round(cut[98], 1)}
                    found |= {f"{name}_{each}_cpu_ms": round(costs[each]["cpu_seconds"] * 1000 / len(took), 2) for each in costs}
    finally:
        process.terminate()
        await process.wait()
    return found


async def _answers(http: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            if (await http.get("/livez")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise TimeoutError("the API does not answer")


async def clock(here: Here) -> dict[str, float]:
    """Measure the clock's pass of a day, of ten days at once, and of a moment in which nothing is due."""
    moment = FixedClock(here.now + timedelta(days=1))
    passing = CaseClock(here.worker, moment)
    found = await measured("clock", here, passing.catch_up)
    moment.at += timedelta(days=10)
    found |= await measured("slept", here, passing.catch_up)
    found |= await measured("nothing_due", here, passing.catch_up)
    async with here.worker.begin() as tx:
        found["warnings"] = (await tx.execute(text("SELECT count(*) FROM case_warnings"))).scalar_one()
        found["expired"] = (await tx.execute(text("SELECT count(*) FROM cases WHERE state = 'expired'"))).scalar_one()
    return found


def denials(first: int, paid_on: date) -> list[Received[Denial]]:
    """Return a batch of denials as the consumer hands it over."""
    batch = []
    for number in range(first, first + BATCH):
        pcn = f"NEW{number:09d}"
        told = Denial(
            denial_id=named_id("bench denial", str(number)), revision=1, status="active",
            remit_id=named_id("bench remit", str(number)), claim_key=claim_key(TENANT, pcn), patient_control_number=pcn,
            payer_claim_control_number="ICN",
            payer_id=f"PAYER{number % PAYERS}", payer_name="PAYER", payment_on=paid_on, denied_cents=10_000 + number,
            category="medical_necessity", action="appeal", explanation=_EXPLANATION,
            reasons=(Reason("CO", "50", 10_000 + number, "medical_necessity", ("N115",), 1),), recoverable=True,
            alternative_actions=("send_documents",), payer_kind="medicare",
        )  # fmt: skip
        batch.append(Received(uuid7(), "bench", "", str(told.claim_key), TENANT, 1, "", None, told))
    return batch


async def opening(here: Here) -> dict[str, float]:
    """Measure how fast cases open."""
    batches = [denials(number * BATCH, here.now.date()) for number in range(10)]

    async def take() -> int:
        for batch in batches:
            async with here.worker.begin() as tx:
                await handle_denials(tx, batch, here.now)
        return len(batches) * BATCH

    found = await measured("opening", here, take)
    return {**found, "opening_a_second": round(found["opening_cases"] / found["opening_seconds"])}


PARTS: Final[Sequence[Callable[[Here], Awaitable[dict[str, float]]]]] = (next_case, opening, clock)


async def measure(urls: dict[str, str], postgres: int, chosen: argparse.Namespace) -> dict[str, float]:
    worker, now = Database(urls["worker"]), datetime.now(UTC).replace(hour=17, minute=0)
    begun = time.perf_counter()
    await fill(worker, chosen.cases, now)
    found: dict[str, float] = {"cases": chosen.cases, "copy_seconds": round(time.perf_counter() - begun, 1)}
    owner = Database(urls["owner"])
    async with owner.engine.connect() as connection:  # what autovacuum does in the minutes that nobody waits for here
        await connection.execute(text("VACUUM ANALYZE"))
    await owner.close()
    here = Here(urls["api"], worker, postgres, now, chosen)
    for part in PARTS:
        found |= await part(here)
    await worker.close()
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench appeals", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=15)
    chosen = parser.parse_args(arguments)
    with own_database("appeals") as (stack, urls):
        found: dict[str, Any] = asyncio.run(measure(dict(urls), stack.pid("postgres") or 0, chosen))
    tell("appeals", found | appeals_letters.measure())
