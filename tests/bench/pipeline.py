"""End to end: from the HTTP POST to the last commit of analytics, beside the bare pipeline on the same servers, A B A B.

`python -m tests.bench pipeline [--claims N] [--rounds N]`

One PostgreSQL and one Kafka serve both. Ours are all eight real processes, started for each round and stopped after it, so that
neither side pays for the other's idling. The ratio is taken round by round: other work may share the machine.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.layout import SERVICES, Ports
from deploy.local.stack import Stack
from tests.bench import bare
from tests.bench.files import DENIED_EVERY, LINES, is_denied, write_file
from tests.bench.meter import Meter, keep
from tests.bench.written import Written
from tests.support.access import bearer

_FILE_CLAIMS = 5000
_WARM_UP_CLAIMS = 4000
_POLL_SECONDS = 0.05
_GIVE_UP_SECONDS = 120
_CLAIMS_A_SECOND = 1000  # less than that is no rate
NAMES = [f"{service}-{role}" for service in SERVICES for role in ("api", "worker")]


class Bench:
    """The servers, and the numbers of claims that were used already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.infra = Stack(folder / "infra", Ports.free(), services=())
        self.external: dict[str, str] = {}  # what its services are told of its servers, once they run
        self.lines = LINES
        self._next = 0
        self.bare_url = ""

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """Have one whose servers run, in a folder that goes with them."""
        with tempfile.TemporaryDirectory(prefix="recours-bench-") as folder:
            bench = cls(Path(folder))
            try:
                bench.start()
                yield bench
            finally:
                bench.infra.discard()

    def start(self) -> None:
        self.infra.start()
        self.external = self.servers()
        self.services = Stack(self.folder / "services", Ports.free(), environment=self.external)
        self.bare_url = urlunsplit(urlsplit(self.infra.admin_url)._replace(path="/bare"))
        asyncio.run(_make_bare(self.infra, self.bare_url))

    def servers(self) -> dict[str, str]:
        """Return where services find the servers, which run."""
        return {"RECOURS_INFRA": "external", "RECOURS_POSTGRES": self.infra.admin_url, "RECOURS_KAFKA": self.infra.bootstrap}

    def files(self, claims: int) -> tuple[list[Path], int]:
        """Write files of claims that were never sent before; return them and how many of the claims are denied."""
        made, denied = [], 0
        for first in range(self._next, self._next + claims, _FILE_CLAIMS):
            count = min(_FILE_CLAIMS, self._next + claims - first)
            made.append(self.folder / f"{first}.835")
            write_file(made[-1], count, first=first, trace=f"T{first}", lines=self.lines)
            denied += sum(map(is_denied, range(first, first + count)))
        self._next += claims
        return made, denied

    def take_numbers(self, count: int) -> Iterator[int]:
        """Return numbers of denied claims that were never sent before."""
        first = -(-self._next // DENIED_EVERY) * DENIED_EVERY
        self._next = first + count * DENIED_EVERY
        return iter(range(first, self._next, DENIED_EVERY))

    @contextmanager
    def running_services(self) -> Iterator[None]:
        self.services.start()
        try:
            time.sleep(2)  # consumers get their partitions after their processes are ready
            yield
        finally:
            self.services.stop()

    def count_tables(self) -> None:
        """Let the planner know the tables as it knows those of a system that has run for some minutes."""
        asyncio.run(_analyze(self.services))

    def server_pids(self) -> dict[str, int]:
        return {name: pid for name in ("postgres", "kafka") if (pid := self.infra.pid(name)) is not None}

    def measure_ours(self, files: Sequence[Path], claims: int, denied: int) -> dict[str, Any]:
        with self.running_services():
            return self.send(files, claims, denied)

    def send(self, files: Sequence[Path], claims: int, denied: int) -> dict[str, Any]:
        """Post them to the running services; return what it took until analytics had it all."""
        pids = {name: pid for name in NAMES if (pid := self.services.pid(name)) is not None}
        before = asyncio.run(self._seen())
        written = Written(self.infra)
        meter = Meter(pids | self.server_pids())
        began = time.monotonic()
        with httpx.Client(headers=bearer(), base_url=self.services.url("ingest"), timeout=60) as client:
            for path in files:
                answer = client.post("/v1/interchanges", content=path.read_bytes())
                answer.raise_for_status()
        posted = time.monotonic()
        seconds = asyncio.run(self._until_seen(before[0] + claims, before[1] + denied)) - began
        told = _told(claims, seconds, meter.end()) | {"seconds_to_post": round(posted - began, 2)}
        return told | {"bytes_a_claim": written.a_claim(claims)}

    def measure_bare(self, files: Sequence[Path], claims: int, denied: int) -> dict[str, Any]:
        written, meter = Written(self.infra), Meter(self.server_pids())
        seconds, costs = bare.measure(self.bare_url, self.infra.bootstrap, files, claims, denied)
        return _told(claims, seconds, costs | meter.end()) | {"bytes_a_claim": written.a_claim(claims)}

    async def _seen(self) -> tuple[int, int]:
        connection = await asyncpg.connect(self.services.database_url("analytics", "worker"))
        try:
            return await _count_claims(connection), await _count_denials(connection)
        finally:
            await connection.close()

    async def _until_seen(self, claims: int, denials: int) -> float:
        """Return when analytics had it all; come back when appeals has it, too."""
        analytics = await asyncpg.connect(self.services.database_url("analytics", "worker"))
        appeals = await asyncpg.connect(self.services.database_url("appeals", "worker"))
        deadline = time.monotonic() + _GIVE_UP_SECONDS + claims / _CLAIMS_A_SECOND
        try:
            while (seen := await _count_claims(analytics)) != claims or await _count_denials(analytics) != denials:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"analytics has {seen} of {claims} claims")
                await asyncio.sleep(_POLL_SECONDS)
            done = time.monotonic()
            while await appeals.fetchval("SELECT count(*) FROM inbox") < claims + denials:  # noqa: ASYNC110 - another process
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await analytics.close()
            await appeals.close()
        return done


async def _count_claims(connection: "asyncpg.Connection[Any]") -> int:
    counted: int = await connection.fetchval("SELECT COALESCE(sum(remits), 0)::bigint FROM ledger_days")
    return counted


async def _count_denials(connection: "asyncpg.Connection[Any]") -> int:
    counted: int = await connection.fetchval("SELECT count(*) FROM facts WHERE kind = 'denial'")  # reads them all
    return counted


async def _analyze(services: Stack) -> None:
    for service in SERVICES:
        connection = await asyncpg.connect(services.database_url(service, "owner"))
        await connection.execute("ANALYZE")
        await connection.close()


async def _make_bare(infra: Stack, url: str) -> None:
    connection = await asyncpg.connect(infra.admin_url)
    await connection.execute("CREATE DATABASE bare")
    await connection.close()
    connection = await asyncpg.connect(url)
    await connection.execute(bare.SCHEMA)
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=infra.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, bare.PARTITIONS, 1) for name in (bare.CLAIMS_TOPIC, bare.DENIALS_TOPIC)])
    await admin.close()


def _told(claims: int, seconds: float, processes: dict[str, Any]) -> dict[str, Any]:
    cpu_seconds = sum(each["cpu_seconds"] for each in processes.values())
    return {
        "claims_per_second": round(claims / seconds),
        "cpu_ms_per_claim": round(cpu_seconds * 1000 / claims, 3),
        "processes": processes,
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench pipeline")
    parser.add_argument("--claims", type=int, default=40_000, help="claims a round and side")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with Bench.running() as bench:
        report = _measure(bench, options.claims, options.rounds)
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('pipeline', report)}")


def _measure(bench: Bench, claims: int, rounds: int) -> dict[str, Any]:
    ours, floor = [], []
    for count in (_WARM_UP_CLAIMS, *[claims] * rounds):
        files, denied = bench.files(count)
        ours.append(bench.measure_ours(files, count, denied))
        floor.append(bench.measure_bare(files, count, denied))
        bench.count_tables()
        for path in files:
            path.unlink()
        print(f"{count} claims: ours {ours[-1]['claims_per_second']}/s, bare {floor[-1]['claims_per_second']}/s", flush=True)
    del ours[0], floor[0]  # the warm-up
    ratios = [own["claims_per_second"] / base["claims_per_second"] for own, base in zip(ours, floor, strict=True)]
    return {
        "claims_a_round": claims,
        "denied_share": 1 / DENIED_EVERY,
        "claims_per_second": statistics.median(each["claims_per_second"] for each in ours),
        "bare_claims_per_second": statistics.median(each["claims_per_second"] for each in floor),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(each, 3) for each in ratios],
        "ours": ours,
        "bare": floor,
    }
