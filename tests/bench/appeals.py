"""Appeals with a million open cases: the next case for fifty callers, the clock's pass, and how fast cases open.

`python -m tests.bench appeals [--cases N] [--seconds N] [--only next_case]`

`next`: a process of the real API (uvicorn, row-level security), and fifty callers over HTTP who each ask, work for a second or so,
and ask again; milliseconds as the callers see them. `flood` is the same without that second: what the process can do at most.
`floor` is the least that a change over HTTP costs here: half a second after each case its caller says who is in a team of one: a
row deleted, one inserted and a commit. On a busy machine milliseconds say how busy it is; `next_p99_of_floor`, from answers of the
same seconds, says what finding the case adds to that.
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
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
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
from libs.common.database import Database, driver
from libs.common.ids import claim_key, named_id, uuid7
from libs.common.worker import catch_up
from services.appeals.deadlines.clocks import Facts
from services.appeals.deadlines.levels import UNCONFIGURED
from services.appeals.handlers import handle_denials
from services.appeals.store import Denial
from services.appeals.workflow import CaseState
from services.appeals.worklist import scoring
from services.appeals.worklist.clock import CaseClock
from services.appeals.worklist.placing import Case, Told, place
from tests.bench import appeals_letters
from tests.bench.meter import Meter, tell
from tests.bench.servers import own_database
from tests.support.access import bearer

TENANT: Final = "local"
PAYERS: Final = 20
CALLERS: Final = 50
BATCH: Final = 2000
_DAYS: Final = 120  # cases were paid on these days before today: every one is still open
_REASONS: Final = msgspec.json.encode([Reason("CO", "50", 10_000, "medical_necessity", ("N115",), 1)]).decode()
_EXPLANATION: Final = "The payer calls the service not medically necessary. Appeal with the records that show why it was needed."


@dataclass(frozen=True)
class Here:
    """What a part measures with: the database by role, PostgreSQL's process, the moment of the filling, and what was asked for."""

    api_url: str
    worker: Database
    postgres: int
    now: datetime
    chosen: argparse.Namespace


_DAYS_TABLE: Final = """
CREATE TABLE days (
    number int, paid_on date, percent int, level text, deadline_on date, known_on date, look_at timestamptz, told jsonb
)
"""
# A day's row says where a case that was paid then stands; what differs between its cases is reckoned from the amount.
_FILL: Final = """
INSERT INTO cases (tenant_id, case_id, row_id, state, version, denial_id, denial_revision, remit_id, claim_key,
    patient_control_number, payer_claim_control_number, payer_id, payer_name, payment_on, category, action, denied_cents,
    explanation, reasons, opened_at, changed_at, appeal_by_on, judged)
SELECT $1, made.id, made.id, 'open', 1, made.id, 1, made.id, md5('key' || n)::uuid, 'PCN' || n, 'ICN', 'PAYER' || n % $2, 'PAYER',
    days.paid_on, 'medical_necessity', 'appeal', 10000 + n::bigint * 7919 % 990000, $3, $4, $5, $5, days.deadline_on, 'pursue'
FROM generate_series(1, $6::int) AS n JOIN days ON days.number = n % $7
CROSS JOIN LATERAL (SELECT md5('case' || n)::uuid AS id) AS made
"""
_FILL_PLACES: Final = """
INSERT INTO worklist (tenant_id, case_id, payer_id, place, queue, score, expected_cents, amount_cents, level, deadline_on,
    deadline_is, expires_on, known_on, look_at, told)
SELECT tenant_id, case_id, payer_id, 'free', '', CASE WHEN worth.cents > 0 THEN worth.cents * percent / 100 ELSE worth.cents END,
    worth.cents, denied_cents, level, days.deadline_on, 'firm', days.deadline_on, known_on, look_at, told
FROM cases JOIN days ON days.paid_on = payment_on
CROSS JOIN LATERAL (SELECT denied_cents * $1 / 10000 + $2 AS cents) AS worth
"""


def days(now: datetime) -> list[tuple[Any, ...]]:
    """Return where a case stands by the day on which it was paid, reckoned as the service does."""
    rows = []
    for number in range(_DAYS):
        paid_on = (now - timedelta(days=number)).date()
        told = Told(Facts("appeal", ("send_documents",), paid_on, "medicare"))
        stands = place(Case(TENANT, UUID(int=0), CaseState.OPEN, "", "medical_necessity", 100_000, told), UNCONFIGURED, now)
        percent = stands.score * 100 // stands.expected_cents
        shown = (stands.level, stands.deadline_on, stands.known_on, stands.look_at)
        rows.append((number, paid_on, percent, *shown, msgspec.json.encode(told).decode()))
    return rows


async def fill(owner: Database, worker: Database, cases: int, now: datetime) -> None:
    """Make so many open cases with their places; indexes are made after the rows."""
    async with owner.begin() as tx:
        found = await tx.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('cases', 'worklist') AND indexname NOT LIKE '%pkey'"
            )
        )
        indexes = [tuple(row) for row in found]
        for name, _ in indexes:
            await tx.execute(text(f"DROP INDEX {name}"))
        await tx.execute(text(_DAYS_TABLE))
        await tx.execute(text("GRANT SELECT, INSERT ON days TO PUBLIC"))
    async with worker.begin() as tx:
        connection = await driver(tx)
        await connection.executemany("INSERT INTO days VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", days(now))
        await connection.execute(_FILL, TENANT, PAYERS, _EXPLANATION, _REASONS, now, cases, _DAYS)
        worth = (scoring.chance("medicare", None), scoring.less_the_work(0, "medical_necessity"))
        await connection.execute(_FILL_PLACES, *worth)
    async with owner.begin() as tx:
        for _, made in indexes:
            await tx.execute(text(made))


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


async def asking(http: httpx.AsyncClient, number: int, until: float, pause: float) -> dict[str, list[float]]:
    """Ask for the next case until the time is over, and with a pause for the floor between; return the milliseconds of each answer.

    Nobody keeps step with the others.
    """
    took, chance = defaultdict[str, list[float]](list), Random(number)

    headers = bearer(TENANT, sub=f"w{number}")

    async def ask(name: str, method: str, path: str, body: dict[str, Any]) -> None:
        begun = time.perf_counter()
        answer = await http.request(method, path, json=body, headers=headers)
        while answer.status_code == 503:  # no room: it comes again, as any client does
            await asyncio.sleep(float(answer.headers["Retry-After"]))
            answer = await http.request(method, path, json=body, headers=headers)
        took[name].append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(chance.uniform(0.25, 0.75) * pause)

    await asyncio.sleep(chance.random() * pause)
    while time.perf_counter() < until:
        await ask("next", "POST", "/v1/cases:next", {"lease_seconds": 3600})
        if pause:
            await ask("floor", "PUT", f"/v1/teams/t{number}", {"members": [f"w{number}"]})
    return took


def quickness(name: str, told: Sequence[dict[str, list[float]]], seconds: float) -> dict[str, float]:
    """Return how many answers a second came, and after how many milliseconds."""
    took = [each for times in told for each in times[name]]
    cut = quantiles(took, n=100)
    return {"a_second": round(len(took) / seconds, 1), "p50_ms": round(cut[49], 1), "p99_ms": round(cut[98], 1)}


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
        async with httpx.AsyncClient(headers=bearer(), base_url=ports.url("appeals"), limits=limits, timeout=30) as http:
            await _answers(http)
            for name, pause in (("warm", 1.0), ("next", 1.0), ("flood", 0.0)):
                meter = Meter({"api": process.pid, "postgres": here.postgres})
                until = time.perf_counter() + (3 if name == "warm" else here.chosen.seconds)
                told = await asyncio.gather(*(asking(http, number, until, pause) for number in range(CALLERS)))
                costs = meter.end()
                if name == "warm":
                    continue
                quick = quickness("next", told, here.chosen.seconds)
                found |= {f"{name}_{each}": value for each, value in quick.items()}
                requests = sum(len(times) for each in told for times in each.values())
                found |= {f"{name}_{each}_cpu_ms": round(costs[each]["cpu_seconds"] * 1000 / requests, 2) for each in costs}
                if pause:
                    floor = quickness("floor", told, here.chosen.seconds)
                    found |= {f"floor_{each}": floor[each] for each in ("p50_ms", "p99_ms")}
                    for each in ("p50", "p99"):
                        found[f"next_{each}_of_floor"] = round(quick[f"{each}_ms"] / floor[f"{each}_ms"], 2)
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
    passing = partial(catch_up, CaseClock(here.worker, moment, batch=BATCH).scan_batch, full=BATCH)
    found = await measured("clock", here, passing)
    moment.at += timedelta(days=10)
    found |= await measured("slept", here, passing)
    found |= await measured("nothing_due", here, passing)
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
    owner = Database(urls["owner"])
    await fill(owner, worker, chosen.cases, now)
    found: dict[str, float] = {"cases": chosen.cases, "fill_seconds": round(time.perf_counter() - begun, 1)}
    async with owner.engine.connect() as connection:  # what autovacuum does in the minutes that nobody waits for here
        await connection.execute(text("VACUUM ANALYZE"))
    await owner.close()
    server = Database(urls["admin"])
    async with server.engine.connect() as connection:  # else the gigabytes of the filling are written while others wait for commits
        await connection.execute(text("CHECKPOINT"))
    await server.close()
    here = Here(urls["api"], worker, postgres, now, chosen)
    for part in PARTS:
        if chosen.only in (None, part.__name__):
            found |= await part(here)
    await worker.close()
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench appeals", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS])
    chosen = parser.parse_args(arguments)
    with own_database("appeals") as (stack, urls):
        addresses = {**urls, "admin": stack.admin_url}
        found: dict[str, Any] = asyncio.run(measure(addresses, stack.pid("postgres") or 0, chosen))
    tell("appeals", found if chosen.only else found | appeals_letters.measure())
