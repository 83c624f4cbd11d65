"""A backlog is eaten: each service alone, then all together, beside the live rate of the same servers.

`python -m tests.bench backlog [--events N] [--rounds N]`

A round: all services run and take in claims (`live`). Then ingest alone takes in as many (`ingest`), which leaves its events on
Kafka; classifier, appeals and analytics eat them, one after the other and each alone (`classifier`, ...). Then ingest leaves as
many once more, and the three eat them at once (`together`), while the memory of each is sampled: flat means that the second half of
the backlog needs no more than the first. Rates are of claims, from the first commit that is seen to the last: what a process needs
to start is not the rate. `--events` is how many events of remits such a backlog holds; the aim speaks of a million.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from deploy.local.stack import Stack
from tests.bench.analytics_exports import sampled
from tests.bench.meter import Meter, keep
from tests.bench.pipeline import Bench
from tests.support.access import bearer

LIMIT_RATIO: Final = 1.2
LIMIT_GROWTH_MIB: Final = 16
_CONSUMERS: Final = ("classifier", "appeals", "analytics")
_POLL_SECONDS: Final = 0.1
_GIVE_UP_SECONDS: Final = 900
_SENT: Final = "SELECT NOT EXISTS (SELECT FROM outbox WHERE xid > (SELECT last_xid FROM relay_position))"
_BOOKED: Final = "SELECT COALESCE(sum(remits), 0)::bigint FROM ledger_days"


@contextmanager
def only(bench: Bench, services: Sequence[str]) -> Iterator[Stack]:
    """Run these services alone, on the databases and ports that all have."""
    stack = Stack(bench.services.folder, bench.services.ports, services=tuple(services), environment=bench.external)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


async def _ask(url: str, query: str) -> Any:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _until(holds: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while not await holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not after {_GIVE_UP_SECONDS} s")
        await asyncio.sleep(_POLL_SECONDS)


def _pids(stack: Stack, bench: Bench, services: Sequence[str]) -> dict[str, int]:
    found = {f"{service}-worker": stack.pid(f"{service}-worker") for service in services}
    return {name: pid for name, pid in found.items() if pid is not None} | bench.server_pids()


def leave(bench: Bench, claims: int) -> dict[str, Any]:
    """Have ingest alone take in claims and send their events; return its rate and CPU."""
    files, _ = bench.files(claims)
    with only(bench, ("ingest",)) as stack:
        url = stack.database_url("ingest", "worker")
        before = asyncio.run(_ask(url, _BOOKED))
        meter, began = Meter(_pids(stack, bench, ("ingest",))), time.monotonic()
        with httpx.Client(headers=bearer(), base_url=stack.url("ingest"), timeout=60) as client:
            for path in files:
                client.post("/v1/interchanges", content=path.read_bytes()).raise_for_status()
                path.unlink()

        async def all_sent() -> bool:
            return bool(await _ask(url, _BOOKED) == before + claims and await _ask(url, _SENT))

        asyncio.run(_until(all_sent))
        return _told(claims, time.monotonic() - began, meter.end())


def eat(bench: "Counted", services: Sequence[str], claims: int) -> dict[str, Any]:
    """Have services eat what was left for them; return their rate, CPU and how memory went."""
    with only(bench, services) as stack, ExitStack() as held:
        urls = {service: stack.database_url(service, "worker") for service in services}
        ends = {service: bench.seen[service] + claims for service in services}
        pids = _pids(stack, bench, services)
        memory = {name: held.enter_context(sampled(pid)) for name, pid in pids.items() if name.endswith("-worker")}
        meter, began = Meter(pids), time.monotonic()
        first = {service: asyncio.run(_ask(url, _BOOKED)) for service, url in urls.items()}

        async def all_done() -> bool:
            return all([await _ask(urls[each], _BOOKED) >= ends[each] and await _ask(urls[each], _SENT) for each in services])

        asyncio.run(_until(all_done))
        seconds = time.monotonic() - began
        eaten = min(ends[service] - first[service] for service in services)
        found = _told(eaten, seconds, meter.end())
        bench.seen |= ends
        for name, each in memory.items():
            half = len(each.samples) // 2
            growth = max(each.samples[half:]) - max(each.samples[:half]) if half else 0.0
            found["processes"][name] |= {"growth_mib": round(growth, 1)}
        return found


def _told(claims: int, seconds: float, processes: dict[str, Any]) -> dict[str, Any]:
    workers = sum(each["cpu_seconds"] for name, each in processes.items() if name.endswith("-worker"))
    return {
        "claims_per_second": round(claims / seconds),
        "python_cpu_us_a_claim": round(workers * 1e6 / claims),
        "postgres_cpu_us_a_claim": round(processes["postgres"]["cpu_seconds"] * 1e6 / claims) if "postgres" in processes else None,
        "processes": processes,
    }


class Counted(Bench):
    """A bench that knows how far each consumer had come."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.seen = dict.fromkeys(_CONSUMERS, 0)


def _round(bench: Counted, claims: int) -> dict[str, Any]:
    files, denied = bench.files(claims)
    found = {"live": bench.measure_ours(files, claims, denied)}
    for service in _CONSUMERS:
        bench.seen[service] = asyncio.run(_ask(bench.services.database_url(service, "worker"), _BOOKED))
    found["ingest"] = leave(bench, claims)
    for service in _CONSUMERS:
        found[service] = eat(bench, (service,), claims)
    leave(bench, claims)
    found["together"] = eat(bench, _CONSUMERS, claims)
    print({name: each["claims_per_second"] for name, each in found.items()}, flush=True)
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench backlog")
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args(arguments)
    with Counted.running() as bench:
        rounds = [_round(bench, options.events) for _ in range(options.rounds)]
    rates = {name: [each[name]["claims_per_second"] for each in rounds] for name in rounds[0]}
    ratios = [eaten / live for eaten, live in zip(rates["together"], rates["live"], strict=True)]
    report = {
        "events": options.events,
        "claims_per_second": rates,
        "of_the_live_rate": [round(each, 2) for each in ratios],
        "of_the_live_rate_median": round(statistics.median(ratios), 2),
        "limit_of_the_live_rate": LIMIT_RATIO,
        "limit_growth_mib": LIMIT_GROWTH_MIB,
        "rounds": rounds,
    }
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('backlog', report)}")
