"""What measuring costs: the whole pipeline with metrics and without, by turns, on the same servers.

`python -m tests.bench telemetry [--claims N] [--rounds N]`

With: as `make up` runs, and scraped every 15 seconds. Without: OTEL_METRICS_EXPORTER=none. Processor time of our processes a
claim is compared, which other work on the machine disturbs less than the clock; the ratio is of the medians.
"""

import argparse
import contextlib
import json
import os
import statistics
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from tests.bench.meter import keep
from tests.bench.pipeline import NAMES, Bench

_WARM_UP_CLAIMS = 4000
_SCRAPE_SECONDS = 15


@contextlib.contextmanager
def scraped(bench: Bench) -> Iterator[None]:
    """Read all processes' metrics, as deploy/observability/prometheus.yaml does."""
    stop = threading.Event()
    ports = [asdict(bench.services.ports)[name.replace("-", "_")] for name in NAMES]

    def scrape() -> None:
        with httpx.Client() as client:
            while not stop.wait(_SCRAPE_SECONDS):
                for port in ports:
                    with contextlib.suppress(httpx.TransportError):  # one that is starting
                        client.get(f"http://127.0.0.1:{port}/metrics")

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _cpu_ms(told: dict[str, Any], claims: int) -> float:
    seconds: float = sum(each["cpu_seconds"] for name, each in told["processes"].items() if name in NAMES)
    return seconds * 1000 / claims


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench telemetry")
    parser.add_argument("--claims", type=int, default=20_000, help="claims a round and side")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    found: dict[str, list[float]] = {"prometheus": [], "none": []}
    with Bench.running() as bench:
        bench.measure_ours(*_files(bench, _WARM_UP_CLAIMS))
        for _ in range(options.rounds):
            for exporter, figures in found.items():
                os.environ["OTEL_METRICS_EXPORTER"] = exporter
                with scraped(bench):
                    figures.append(round(_cpu_ms(bench.measure_ours(*_files(bench, options.claims)), options.claims), 4))
    report = {
        "claims": options.claims,
        "cpu_ms_per_claim": found,
        "ratio": round(statistics.median(found["prometheus"]) / statistics.median(found["none"]), 3),
    }
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('telemetry', report)}")


def _files(bench: Bench, claims: int) -> tuple[list[Path], int, int]:
    files, denied = bench.files(claims)
    return files, claims, denied
