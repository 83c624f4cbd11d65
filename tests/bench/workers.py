"""Several workers of each service: what more of them bring on this machine, and what they cost.

`python -m tests.bench workers [--claims N] [--rounds N] [--counts 1,2,4]`

The whole pipeline, from the POST to the last commit of analytics, with so many workers of classifier, appeals and analytics and of
ingest; partitions are those of deploy/topics.yaml. Where all share two cores with PostgreSQL and Kafka, more of them cannot be
faster for long: what is learned is what each costs, that they share the work, and that the sums agree.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from deploy.local.layout import ROOT, SERVICES, Ports
from tests.bench.meter import cpu_seconds, keep
from tests.bench.pipeline import Bench

_SETTLE_SECONDS: Final = 5


class Crowd(Bench):
    """A bench that runs more workers of each service beside those of its stack."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.count = 1
        self.cpu_of_the_others = 0.0

    @contextmanager
    def running_services(self) -> Iterator[None]:
        with super().running_services():
            others = [self._another(service, number) for service in SERVICES for number in range(2, self.count + 1)]
            time.sleep(_SETTLE_SECONDS)  # groups share their partitions anew
            before = sum(cpu_seconds(psutil.Process(each.pid)) for each in others)
            try:
                yield
            finally:
                self.cpu_of_the_others = sum(cpu_seconds(psutil.Process(each.pid)) for each in others) - before
                for each in others:
                    each.terminate()
                for each in others:
                    each.wait()

    def _another(self, service: str, number: int) -> "subprocess.Popen[bytes]":
        first = psutil.Process(self.services.pid(f"{service}-worker"))
        ports = Ports.free()
        told = first.environ() | {
            "RECOURS_INSTANCE": f"{service}-{number}",
            "RECOURS_HEALTH_PORT": str(ports.ingest_worker),
            "RECOURS_WEBHOOKS_HEALTH_PORT": str(ports.analytics_webhooks),
        }
        return subprocess.Popen(first.cmdline(), cwd=ROOT, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _measure(bench: Crowd, counts: Sequence[int], claims: int, rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    bench.measure_ours(*_files(bench, claims // 4))  # warms
    bench.count_tables()
    for count in counts:
        bench.count = count
        told = []
        for _ in range(rounds):
            each = bench.measure_ours(*_files(bench, claims))
            told.append((each["claims_per_second"], each["cpu_ms_per_claim"] + bench.cpu_of_the_others * 1000 / claims))
        rates, cpu = zip(*told, strict=True)
        found[f"{count} of each"] = {
            "claims_per_second": list(rates),
            "cpu_ms_per_claim": [round(each, 3) for each in cpu],
            "median": statistics.median(rates),
        }
        print(count, found[f"{count} of each"], flush=True)
    return found


def _files(bench: Bench, claims: int) -> tuple[list[Path], int, int]:
    files, denied = bench.files(claims)
    return files, claims, denied


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench workers")
    parser.add_argument("--claims", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--counts", default="1,2,4")
    options = parser.parse_args(arguments)
    with Crowd.running() as bench:
        counts = [int(count) for count in options.counts.split(",")]
        report = {"claims": options.claims, "workers": _measure(bench, counts, options.claims, options.rounds)}
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('workers', report)}")
