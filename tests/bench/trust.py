"""What all checks cost end to end: the whole system beside itself with the checks taken out, on the same servers, in turns.

`python -m tests.bench trust [--claims N] [--rounds N] [--seconds N]`

Taken out are tokens and scopes, shares, the audit log and its chain, sealing (`unchecked/sitecustomize.py`), and row-level
security, which the server is told to pass over. Throughput is from the POST to the last commit of analytics; latency, at a steady
50 denied claims a second, from the POST until Kafka hands out `denial.classified`.
Aims: at most 15 % fewer claims a second, at most 3 ms more p99.
"""

import argparse
import asyncio
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg

from deploy.local.layout import ROOT, SERVICES
from deploy.local.stack import Stack
from tests.bench.meter import keep
from tests.bench.pipeline import Bench, measure_latency

_WARM_UP_CLAIMS: Final = 4000
_UNCHECKED: Final = {"PYTHONPATH": os.pathsep.join((str(Path(__file__).parent / "unchecked"), str(ROOT)))}
_SIDES: Final = ("checked", "unchecked")


class Sides(Bench):
    """The benchmark of the pipeline, whose services run with their checks or without them."""

    def start(self) -> None:
        super().start()
        with self.running_services():  # which makes the roles
            pass

    def take(self, side: str) -> None:
        """Let the services run so when they start next."""
        environment = _UNCHECKED if side == "unchecked" else {}
        self.services = Stack(self.services.folder, self.services.ports, environment=environment)
        asyncio.run(_pass_over_security(self.infra.admin_url, side == "unchecked"))


async def _pass_over_security(admin_url: str, passed_over: bool) -> None:
    connection = await asyncpg.connect(admin_url)
    for service in SERVICES:  # the workers pass it over at all times
        await connection.execute(f"ALTER ROLE {service}_api {'' if passed_over else 'NO'}BYPASSRLS")
    await connection.close()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench trust")
    parser.add_argument("--claims", type=int, default=40_000, help="claims a round and side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=20, help="seconds of the steady load a round and side")
    options = parser.parse_args(arguments)
    with Sides.running() as bench:
        report = measure(bench, options.claims, options.rounds, options.seconds)
    for name in ("throughput", "throughputs", "cpu", "p50_ms", "p99_ms", "p99_ms_more"):
        print(f"{name:12} {report[name]}")
    print(f"kept as {keep('trust', report)}")


def measure(bench: Sides, claims: int, rounds: int, seconds: int) -> dict[str, Any]:
    """Return ratios checked : unchecked of claims a second and CPU, round by round, and the milliseconds of each side."""
    told: dict[str, list[dict[str, Any]]] = {side: [] for side in _SIDES}
    for count in (_WARM_UP_CLAIMS, *[claims] * rounds):
        for side in _SIDES if len(told["checked"]) % 2 else reversed(_SIDES):  # neither is always the first
            bench.take(side)
            files, denied = bench.files(count)
            found = bench.measure_ours(files, count, denied) | {"latency": measure_latency(bench, seconds)}
            bench.count_tables()
            told[side].append(found)
            for path in files:
                path.unlink()
            latency = found["latency"]
            print(
                f"{side:10} {found['claims_per_second']:6}/s, {found['cpu_ms_per_claim']} ms CPU a claim,"
                f" p50 {latency['p50_ms']} p99 {latency['p99_ms']} ms",
                flush=True,
            )
    checked, unchecked = (told[side][1:] for side in _SIDES)  # without the warm-up
    throughputs = [own["claims_per_second"] / base["claims_per_second"] for own, base in zip(checked, unchecked, strict=True)]
    cpu = [own["cpu_ms_per_claim"] / base["cpu_ms_per_claim"] for own, base in zip(checked, unchecked, strict=True)]
    more = [own["latency"]["p99_ms"] - base["latency"]["p99_ms"] for own, base in zip(checked, unchecked, strict=True)]
    return {
        "claims_a_round": claims,
        "throughput": round(statistics.median(throughputs), 3),
        "throughputs": [round(each, 3) for each in throughputs],
        "cpu": round(statistics.median(cpu), 3),
        "p99_ms_more": round(statistics.median(more), 1),
        **{
            name: {side: statistics.median(each["latency"][name] for each in told[side][1:]) for side in _SIDES}
            for name in ("p50_ms", "p99_ms")
        },
        "rounds": told,
    }
