"""What matching adds end to end: CPU seconds of all processes a remit, from the POST to the last commit of analytics.

`python -m tests.bench matching [--claims N] [--rounds N]`

In each round, in turn, fresh remits: of claims that were never sent, with matching taken out of ingest's worker from outside
(`without`) and with it (`unknown`); and of claims that were all sent before, today, alike (`known_without`, `known`): nobody has
begun to ask after them, as after most claims that are answered. Without matching nothing of it is done: no remit is watched and
no claim is let go. Claims that are known cost all services something, matched or not; so each side is held against its like.
`known_against_without` is both together. CPU, not time: other work may share the machine. Before each side PostgreSQL cleans up
what came before (VACUUM, ANALYZE, a checkpoint): when it does so by itself, it is in the one side or in the other.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx

from deploy.local import provision
from deploy.local.layout import ROOT, SERVICES
from tests.bench.claims import write_claims
from tests.bench.meter import keep
from tests.bench.pipeline import Bench
from tests.support.access import bearer

_UNMATCHED: Final = Path(__file__).parent / "unmatched"
_SIDES: Final = ("without", "unknown", "known_without", "known")
_WARM_UP_CLAIMS: Final = 2000
_GIVE_UP_SECONDS: Final = 300


@contextmanager
def without_matching() -> Iterator[None]:
    """Start services without it."""
    os.environ |= {"BENCH_UNMATCHED": "1", "PYTHONPATH": os.pathsep.join((str(_UNMATCHED), str(ROOT)))}
    try:
        yield
    finally:
        del os.environ["BENCH_UNMATCHED"], os.environ["PYTHONPATH"]


def send_claims(bench: Bench, files: Sequence[Path], claims: int) -> None:
    """Send the claims that some 835 files answer, and wait until all services have them."""
    path, each = bench.folder / "claims.837", claims // len(files)
    with bench.running_services(), httpx.Client(headers=bearer(), base_url=bench.services.url("ingest"), timeout=60) as client:
        before = asyncio.run(_consumed(bench))
        for file in files:
            write_claims(path, each, first=int(file.stem), sent_on=datetime.now(UTC).date())
            client.post("/v1/interchanges", content=path.read_bytes()).raise_for_status()
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        while any(now < then + claims for now, then in zip(asyncio.run(_consumed(bench)), before, strict=True)):
            if time.monotonic() > deadline:
                raise RuntimeError("the claims did not come through")
            time.sleep(0.2)


async def _consumed(bench: Bench) -> list[int]:
    """Return how many events those have dealt with who are told of claims."""
    counts = []
    for service in ("classifier", "analytics"):
        connection = await asyncpg.connect(bench.services.database_url(service, "worker"))
        counts.append(int(await connection.fetchval("SELECT count(*) FROM inbox")))
        await connection.close()
    return counts


async def _clean_up(bench: Bench) -> None:
    for service in SERVICES:
        url = urlsplit(bench.infra.admin_url)._replace(path=f"/{provision.database_name(service)}")
        connection = await asyncpg.connect(urlunsplit(url))
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
        await connection.close()


def measure(bench: Bench, side: str, claims: int) -> float:
    """Return the CPU milliseconds a remit."""
    files, denied = bench.files(claims)
    if side.startswith("known"):
        send_claims(bench, files, claims)
    asyncio.run(_clean_up(bench))
    if side.endswith("without"):
        with without_matching():
            found = bench.measure_ours(files, claims, denied)
    else:
        found = bench.measure_ours(files, claims, denied)
    return float(found["cpu_ms_per_claim"])


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench matching")
    parser.add_argument("--claims", type=int, default=20_000, help="claims a round and side, in files of 5,000")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with Bench.running() as bench:
        files, denied = bench.files(_WARM_UP_CLAIMS)
        bench.measure_ours(files, _WARM_UP_CLAIMS, denied)
        rounds = []
        for _ in range(options.rounds):
            rounds.append({side: measure(bench, side, options.claims) for side in _SIDES})
            print(rounds[-1], flush=True)
    report = {
        "claims": options.claims,
        "cpu_ms_a_remit": rounds,
        **{
            name: round(statistics.median(each[side] / each[than] - 1 for each in rounds), 3)
            for name, side, than in (
                ("matching_adds_unknown", "unknown", "without"),
                ("matching_adds_known", "known", "known_without"),
                ("known_against_without", "known", "without"),
            )
        },
    }
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('matching', report)}")
