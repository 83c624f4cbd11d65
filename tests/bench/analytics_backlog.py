"""Do the sums keep up? Analytics' worker alone eats what the rest of the pipeline has made, at what rate and at what memory.

A part of `python -m tests.bench analytics`, on one PostgreSQL and one Kafka. First all but analytics run: the rate is from the
first POST of 835 files until the last denial is on its topic. Then they are stopped and analytics alone begins with all of it
waiting: the rate until its last commit. Above 1 the ratio of the two says that sums keep up wherever both have a machine of this
size; CPU of both sides says by how much where they share one. The memory of the worker is sampled: flat means that the second
half of the backlog needs no more than the first.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from deploy.local.layout import SERVICES, Ports
from deploy.local.stack import Stack
from tests.bench.analytics_exports import sampled
from tests.bench.files import is_denied, write_file
from tests.bench.meter import Meter
from tests.support.access import bearer

LIMIT_GROWTH_MIB: Final = 16
_SPINE: Final = ("ingest-api", "ingest-worker", "classifier-worker", "appeals-worker")
_FILE_CLAIMS: Final = 5_000
_POLL_SECONDS: Final = 0.1
_GIVE_UP_SECONDS: Final = 280


def eat(claims: int) -> dict[str, float]:
    """Return both rates, their ratio, CPU and the worker's memory."""
    with tempfile.TemporaryDirectory(prefix="recours-bench-") as folder:
        stack = Stack(Path(folder) / "stack", Ports.free(), services=tuple(each for each in SERVICES if each != "analytics"))
        alone = Stack(stack.folder, stack.ports, services=("analytics",))
        try:
            stack.start()
            found = _produce(stack, Path(folder), claims)
            stack.stop()
            alone.start()
            found |= asyncio.run(_consume(alone, claims))
            found["backlog_ratio"] = round(found["backlog_claims_per_second"] / found["backlog_pipeline_claims_per_second"], 2)
            return found
        finally:
            (alone if alone.running() else stack).discard()


def _produce(stack: Stack, folder: Path, claims: int) -> dict[str, float]:
    pids = {name: pid for name in (*_SPINE, "postgres", "kafka") if (pid := stack.pid(name)) is not None}
    denied = sum(map(is_denied, range(claims)))
    meter, began = Meter(pids), time.monotonic()
    with httpx.Client(base_url=stack.url("ingest"), headers=bearer(), timeout=60) as http:
        for first in range(0, claims, _FILE_CLAIMS):
            path = folder / "some.835"
            write_file(path, min(_FILE_CLAIMS, claims - first), first=first, trace=f"T{first}")
            http.post("/v1/interchanges", content=path.read_bytes()).raise_for_status()
    asyncio.run(_sent(stack, claims, denied))
    seconds = time.monotonic() - began
    cpu = sum(each["cpu_seconds"] for each in meter.end().values())
    return {
        "backlog_claims": claims,
        "backlog_pipeline_claims_per_second": round(claims / seconds),
        "backlog_pipeline_cpu_us_a_claim": round(cpu * 1e6 / claims),
    }


async def _sent(stack: Stack, claims: int, denied: int) -> None:
    """Wait until the relays of both services have sent what there is: every remit, every denial."""
    for service, count in (("ingest", claims), ("classifier", denied)):
        query = (
            "SELECT (SELECT count(*) FROM outbox WHERE type LIKE 'recours.%') >= $1"
            " AND NOT EXISTS (SELECT FROM outbox WHERE xid > (SELECT last_xid FROM relay_position))"
        )
        await _until(stack.database_url(service, "worker"), query, count)


async def _until(url: str, query: str, *values: Any) -> None:
    connection = await asyncpg.connect(url)
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    try:
        while not await connection.fetchval(query, *values):
            if time.monotonic() > deadline:
                raise RuntimeError(f"not after {_GIVE_UP_SECONDS} s: {query}")
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        await connection.close()


async def _consume(stack: Stack, claims: int) -> dict[str, float]:
    """Measure from the first commit that is seen to the last one: what a process needs to start is not the rate."""
    pids = {name: pid for name in ("analytics-worker", "postgres") if (pid := stack.pid(name)) is not None}
    denied = sum(map(is_denied, range(claims)))
    connection = await asyncpg.connect(stack.database_url("analytics", "worker"))
    try:
        with sampled(pids["analytics-worker"]) as memory:
            while not (first := await _booked(connection)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(_POLL_SECONDS)
            meter, began = Meter(pids), time.monotonic()
            while await _booked(connection) < claims:
                if time.monotonic() - began > _GIVE_UP_SECONDS:
                    raise RuntimeError("The backlog is not eaten.")
                await asyncio.sleep(_POLL_SECONDS)
            while await connection.fetchval("SELECT count(*) FROM facts WHERE kind = 'denial'") < denied:  # noqa: ASYNC110 - as above
                await asyncio.sleep(_POLL_SECONDS)
            seconds = time.monotonic() - began
        cpu = {name: each["cpu_seconds"] * 1e6 / (claims - first) for name, each in meter.end().items()}
    finally:
        await connection.close()
    half = len(memory.samples) // 2
    return {
        "backlog_claims_per_second": round((claims - first) / seconds),
        "backlog_cpu_us_a_claim": round(cpu["analytics-worker"]),
        "backlog_cpu_us_a_claim_postgres": round(cpu["postgres"]),
        "backlog_peak_mib": round(memory.peak),
        "backlog_growth_mib": round(max(memory.samples[half:]) - max(memory.samples[:half]), 1),
        "backlog_limit_growth_mib": LIMIT_GROWTH_MIB,
    }


async def _booked(connection: "asyncpg.Connection[Any]") -> int:
    booked: int = await connection.fetchval("SELECT COALESCE(sum(remits), 0)::bigint FROM ledger_days")
    return booked
