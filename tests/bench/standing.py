"""What the stack costs when nothing happens, and how soon a process is ready: cold start, idle CPU, memory.

`python -m tests.bench standing [--rounds N] [--seconds N]`

Each of the eight processes is started alone, with PostgreSQL and Kafka running and warm files: the time from its start until
`/readyz` says 200. Then the whole stack runs with nothing to do, and its CPU is told as a share of one core.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import httpx
import psutil

from deploy.local.layout import ROOT
from tests.bench.meter import Meter, keep
from tests.bench.pipeline import NAMES, Bench

LIMIT_READY_SECONDS: Final = 2.0
LIMIT_IDLE_SHARE: Final = 0.03
_GIVE_UP_SECONDS: Final = 60
_SETTLE_SECONDS: Final = 15
_POLL_SECONDS: Final = 0.01


def seconds_to_ready(command: Sequence[str], environment: Mapping[str, str], url: str) -> float:
    """Start a process, wait until it is ready, end it."""
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(timeout=5) as http:
            while time.monotonic() - began < _GIVE_UP_SECONDS:
                try:
                    if http.get(url).status_code == httpx.codes.OK:
                        return time.monotonic() - began
                except httpx.TransportError:
                    pass  # it does not listen yet
                time.sleep(_POLL_SECONDS)
        raise RuntimeError(f"not ready within {_GIVE_UP_SECONDS} s: {command}")
    finally:
        process.terminate()
        process.wait()


def _measure(bench: Bench, rounds: int, seconds: int) -> dict[str, Any]:
    with bench.running_services():
        pids = {name: pid for name in NAMES if (pid := bench.services.pid(name)) is not None}
        told = {name: (psutil.Process(pid).cmdline(), psutil.Process(pid).environ()) for name, pid in pids.items()}
        time.sleep(_SETTLE_SECONDS)
        meter, began = Meter(pids | bench.server_pids()), time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        idle = meter.end()
        resident = {name: round(psutil.Process(pid).memory_info().rss / 2**20, 1) for name, pid in pids.items()}
    ports = asdict(bench.services.ports)
    ready: dict[str, list[float]] = {name: [] for name in told}
    for _ in range(rounds):
        for name, (command, environment) in told.items():
            url = f"http://127.0.0.1:{ports[name.removesuffix('-api').replace('-', '_')]}/readyz"
            ready[name].append(round(seconds_to_ready(command, environment, url), 2))
    ours = sum(idle[name]["cpu_seconds"] for name in NAMES) / passed
    return {
        "ready_seconds": ready,
        "ready_seconds_median": {name: statistics.median(each) for name, each in ready.items()},
        "limit_ready_seconds": LIMIT_READY_SECONDS,
        "idle_seconds": round(passed),
        "idle_share_of_a_core": round(ours, 4),
        "idle_share_of_a_core_servers": {
            name: round(idle[name]["cpu_seconds"] / passed, 4) for name in ("postgres", "kafka") if name in idle
        },
        "idle_share_of_a_core_by_process": {name: round(idle[name]["cpu_seconds"] / passed, 4) for name in NAMES},
        "limit_idle_share": LIMIT_IDLE_SHARE,
        "resident_mib": resident,
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench standing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=30, help="seconds without work")
    options = parser.parse_args(arguments)
    with Bench.running() as bench:
        report = _measure(bench, options.rounds, options.seconds)
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('standing', report)}")
