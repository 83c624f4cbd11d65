"""What all checks cost end to end: the whole system beside itself with the checks taken out, on the same servers, in turns.

`python -m tests.bench trust [--claims N] [--rounds N] [--seconds N]`

Taken out are tokens and scopes, shares, the audit log and its chain, sealing (`unchecked/sitecustomize.py`), and row-level
security, which the server is told to pass over. Throughput is from the POST to the last commit of analytics; latency, at a steady
200 claims a second in posts of ten, from the POST until Kafka hands out `denial.classified`. Services that were just started have
plans and pages to find: the load is on for a while before it is measured. A round has a thousand denials or two, too few for a p99
within milliseconds: it is taken of all rounds of a side as one, and how far that can be trusted is told by drawing rounds anew.
Aims: at most 15 % fewer claims a second, at most 3 ms more p99.
"""

import argparse
import asyncio
import os
import statistics
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import asyncpg
import numpy as np

from deploy.local.layout import ROOT, SERVICES
from deploy.local.stack import Stack
from tests.bench.latency import TENS, WARM, centiles, put
from tests.bench.meter import keep
from tests.bench.pipeline import Bench

_WARM_UP_CLAIMS: Final = 4000
_WARM_UP_SECONDS: Final = 10
_UNCHECKED: Final = {"PYTHONPATH": os.pathsep.join((str(Path(__file__).parent / "unchecked"), str(ROOT)))}
_SIDES: Final = ("checked", "unchecked")
_DRAWS: Final = 1000
_SURE: Final = (5, 95)  # percent


class Sides(Bench):
    """The benchmark of the pipeline, whose services run with their checks or without them."""

    def start(self) -> None:
        super().start()
        with self.running_services():  # which makes the roles
            pass

    def take(self, side: str) -> None:
        """Let the services run so when they start next."""
        told = self.external | (_UNCHECKED if side == "unchecked" else {})
        self.services = Stack(self.services.folder, self.services.ports, environment=told)
        asyncio.run(_pass_over_security(self.infra.admin_url, side == "unchecked"))


async def _pass_over_security(admin_url: str, passed_over: bool) -> None:
    connection = await asyncpg.connect(admin_url)
    for service in SERVICES:  # the workers pass it over at all times
        await connection.execute(f"ALTER ROLE {service}_api {'' if passed_over else 'NO'}BYPASSRLS")
    await connection.close()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench trust")
    parser.add_argument("--claims", type=int, default=20_000, help="claims a round and side")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=60, help="seconds of the steady load a round and side, measured")
    options = parser.parse_args(arguments)
    with Sides.running() as bench:
        report = measure(bench, options.claims, options.rounds, options.seconds)
    for name in ("throughput", "throughputs", "cpu", "denials", "p50_ms", "p99_ms", "p99_ms_more", "p99_ms_more_between"):
        print(f"{name:20} {report[name]}")
    print(f"kept as {keep('trust', report)}")


def measure(bench: Sides, claims: int, rounds: int, seconds: int) -> dict[str, Any]:
    """Return ratios checked : unchecked of claims a second and CPU, round by round, and the milliseconds of each side."""
    rows: dict[str, list[dict[str, Any]]] = {side: [] for side in _SIDES}
    waited: dict[str, list[list[float]]] = {side: [] for side in _SIDES}
    for number in range(rounds + 1):
        for side in _SIDES if number % 2 else reversed(_SIDES):  # neither is always the first
            found, denials = _round(bench, side, claims if number else _WARM_UP_CLAIMS, seconds if number else _WARM_UP_SECONDS)
            if number:
                rows[side].append(found)
                waited[side].append(denials)
    pairs = list(zip(*rows.values(), strict=True))
    throughputs, cpu = ([own[name] / base[name] for own, base in pairs] for name in ("claims_per_second", "cpu_ms_per_claim"))
    whole = {side: centiles(list(chain.from_iterable(waited[side]))) for side in _SIDES}
    return {
        "claims_a_round": claims,
        "throughput": round(statistics.median(throughputs), 3),
        "throughputs": [round(each, 3) for each in throughputs],
        "cpu": round(statistics.median(cpu), 3),
        "denials": {side: whole[side]["denials"] for side in _SIDES},
        **{name: {side: whole[side][name] for side in _SIDES} for name in ("p50_ms", "p99_ms")},
        "p99_ms_more": round(whole["checked"]["p99_ms"] - whole["unchecked"]["p99_ms"], 1),
        "p99_ms_more_between": between(waited["checked"], waited["unchecked"]),
        "rounds": rows,
    }


def between(checked: Sequence[Sequence[float]], unchecked: Sequence[Sequence[float]]) -> list[float]:
    """Return how much more the p99 is, in milliseconds, at least and at most, sure to 90 %: rounds are drawn anew."""
    draw = np.random.default_rng(0)
    more = []
    for _ in range(_DRAWS):
        drawn = draw.integers(len(checked), size=len(checked))
        own, base = (np.percentile(np.concatenate([rounds[each] for each in drawn]), 99) for rounds in (checked, unchecked))
        more.append(1000 * (own - base))
    return [round(float(each), 1) for each in np.percentile(more, _SURE)]


def _round(bench: Sides, side: str, claims: int, seconds: int) -> tuple[dict[str, Any], list[float]]:
    """Run one side; return its figures, and the seconds from each POST to its denial under the steady load."""
    bench.take(side)
    files, denied = bench.files(claims)
    with bench.running_services():
        found = bench.send(files, claims, denied)
        bench.count_tables()
        asyncio.run(put(bench, *WARM))
        asyncio.run(put(bench, TENS, _WARM_UP_SECONDS))
        ran = asyncio.run(put(bench, TENS, seconds))
    for path in files:
        path.unlink()
    waited = ran.seconds()
    found["latency"] = centiles(waited) | {"refused": ran.refused, "cores": ran.cores}
    print(
        f"{side:10} {found['claims_per_second']:6}/s, {found['cpu_ms_per_claim']} ms CPU a claim,"
        f" p50 {found['latency']['p50_ms']} p99 {found['latency']['p99_ms']} ms, {ran.refused} refused",
        flush=True,
    )
    return found, waited
