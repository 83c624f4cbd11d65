"""Hosts apart: what is left of the rate where PostgreSQL and Kafka are some milliseconds away from the services.

`python -m tests.bench distance [--claims N] [--rounds N] [--milliseconds 0,1,2,5]`

The whole pipeline, as in pipeline.py, but whatever the eight processes say to PostgreSQL and to Kafka goes through a wire that is
late by so much each way (tests/support/wire.py): 0 is the wire alone, which all others are compared with, and which costs CPU of
the same two cores. A millisecond is far for hosts of one data centre; five is another region.
"""

import argparse
import json
import signal
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from deploy.local.kafka import EmbeddedKafka
from deploy.local.layout import free_ports
from tests.bench.meter import keep
from tests.bench.pipeline import Bench
from tests.support import eventually
from tests.support.wire import wire


class _FarBroker(EmbeddedKafka):
    """Its clients are told to come by the wire's near end."""

    def __init__(self, folder: Path, ports: tuple[int, int], near: int) -> None:
        super().__init__(folder / "far-kafka", *ports, folder / "far-kafka.log")
        self._near = near

    def properties(self) -> dict[str, str]:
        return super().properties() | {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{self._near}"}


class Apart(Bench):
    """A bench whose services reach their servers by wires, and a broker of their own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        free = free_ports()
        self._near_kafka, self._far_kafka, self._near_postgres = next(free), next(free), next(free)
        self._broker = _FarBroker(folder, (self._far_kafka, next(free)), self._near_kafka)
        self._far_postgres = 0

    def servers(self) -> dict[str, str]:
        there = super().servers()
        url = urlsplit(there["RECOURS_POSTGRES"])
        self._far_postgres = url.port or 0
        near = url.netloc.replace(f":{self._far_postgres}", f":{self._near_postgres}")
        return there | {"RECOURS_POSTGRES": urlunsplit(url._replace(netloc=near)), "RECOURS_KAFKA": f"127.0.0.1:{self._near_kafka}"}

    @contextmanager
    def broker(self) -> Iterator[None]:
        process = self._broker.start()
        try:
            eventually(self._broker.answers)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

    @contextmanager
    def at(self, milliseconds: float) -> Iterator[None]:
        with (
            wire(self._near_postgres, self._far_postgres, milliseconds),
            wire(self._near_kafka, self._far_kafka, milliseconds),
        ):
            yield

    def rate(self, claims: int) -> int:
        files, denied = self.files(claims)
        told: int = self.measure_ours(files, claims, denied)["claims_per_second"]
        for path in files:
            path.unlink()
        return told


def _measure(bench: Apart, distances: Sequence[float], claims: int, rounds: int) -> dict[str, Any]:
    found: dict[str, list[int]] = {f"{each:g}": [] for each in distances}
    with bench.broker():
        with bench.at(0):
            bench.rate(claims // 4)  # warms
            bench.count_tables()
        for _ in range(rounds):
            for each in distances:  # in turns: other work may share the machine
                with bench.at(each):
                    found[f"{each:g}"].append(bench.rate(claims))
            print({name: rates[-1] for name, rates in found.items()}, flush=True)
    nearest = next(iter(found.values()))
    kept = {}
    for name, rates in found.items():
        kept[name] = round(statistics.median(rate / base for rate, base in zip(rates, nearest, strict=True)), 2)
    return {"claims_a_round": claims, "claims_per_second": found, "of_the_nearest": kept}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench distance")
    parser.add_argument("--claims", type=int, default=20_000, help="claims a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--milliseconds", default="0,1,2,5", help="each way; all are held against the first")
    options = parser.parse_args(arguments)
    with Apart.running() as bench:
        report = _measure(bench, [float(each) for each in options.milliseconds.split(",")], options.claims, options.rounds)
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('distance', report)}")
