"""What matching adds end to end: CPU seconds of all processes a remit, from the POST to the last commit of analytics.

`python -m tests.bench matching [--claims N] [--rounds N]`

In each round, in turn, fresh remits: with matching taken out of ingest's worker from outside (`without`), of claims that were never
sent (`unknown`), and of claims that were all sent before, today (`known`): nobody has begun to ask after them, as after most claims
that are answered. CPU, not time: other work may share the machine.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
import httpx

from deploy.local.layout import ROOT
from tests.bench.claims import write_claims
from tests.bench.meter import keep
from tests.bench.pipeline import Bench

_UNMATCHED: Final = Path(__file__).parent / "unmatched"
_SIDES: Final = ("without", "unknown", "known")
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
    with bench.running_services(), httpx.Client(base_url=bench.services.url("ingest"), timeout=60) as client:
        before = asyncio.run(_consumed(bench))
        for file in files:
            write_claims(path, each, first=int(file.stem), sent_on=datetime.now(UTC).date())
            client.post("/v1/interchanges", content=path.read_bytes()).raise_for_status()
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        while asyncio.run(_consumed(bench)) < before + claims:
            if time.monotonic() > deadline:
                raise RuntimeError("the claims did not come through")
            time.sleep(0.2)


async def _consumed(bench: Bench) -> int:
    """Return how many events the classifier has dealt with."""
    connection = await asyncpg.connect(bench.services.database_url("classifier", "worker"))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM inbox"))
    finally:
        await connection.close()


def measure(bench: Bench, side: str, claims: int) -> float:
    """Return the CPU milliseconds a remit."""
    files, denied = bench.files(claims)
    if side == "known":
        send_claims(bench, files, claims)
    if side == "without":
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
    with tempfile.TemporaryDirectory(prefix="recours-bench-") as folder:
        bench = Bench(Path(folder))
        try:
            bench.start()
            measure(bench, "unknown", _WARM_UP_CLAIMS)
            rounds = []
            for _ in range(options.rounds):
                rounds.append({side: measure(bench, side, options.claims) for side in _SIDES})
                print(rounds[-1], flush=True)
        finally:
            bench.services.stop()
            bench.infra.discard()
    report = {
        "claims": options.claims,
        "cpu_ms_a_remit": rounds,
        **{
            f"matching_adds_{side}": round(statistics.median(each[side] / each["without"] - 1 for each in rounds), 3)
            for side in _SIDES[1:]
        },
    }
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('matching', report)}")
