"""What numbers of partitions and sizes of messages do to the rate, and what each costs.

`python -m tests.bench shapes [--claims N] [--rounds N] [--partitions 1,6,24] [--lines 2,7,17]`

The whole pipeline, from the POST to the last commit of analytics, with one worker of each service. Each number of partitions has
servers of its own, for those of a topic with events in it are not changed; then, with those of deploy/topics.yaml, claims of so
many lines: outpatient claims have 7 and inpatient ones 17 on average. A claim's size is told by what Kafka keeps of it, compressed.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any

from deploy.local import provision
from deploy.provision import sized_topics
from tests.bench.meter import keep
from tests.bench.pipeline import Bench


def _rounds(bench: Bench, claims: int, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"claims_per_second": [], "cpu_ms_per_claim": [], "kafka_bytes": [], "wal_bytes": []}
    for count in (claims // 4, *[claims] * rounds):  # the first warms
        files, denied = bench.files(count)
        each = bench.measure_ours(files, count, denied)
        bench.count_tables()
        if count == claims:
            found["claims_per_second"].append(each["claims_per_second"])
            found["cpu_ms_per_claim"].append(each["cpu_ms_per_claim"])
            found["kafka_bytes"].append(each["bytes_a_claim"]["kafka"])
            found["wal_bytes"].append(each["bytes_a_claim"]["wal"])
    return found


def _measure(partitions: Sequence[int], lines: Sequence[int], claims: int, rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {"partitions": {}, "lines": {}}
    for count in partitions:
        with Bench.running() as bench:
            asyncio.run(provision.make_topics(bench.infra.bootstrap, wanted=sized_topics(None, count)))
            found["partitions"][count] = _rounds(bench, claims, rounds)
        print(f"{count} partitions: {found['partitions'][count]}", flush=True)
    with Bench.running() as bench:
        for count in lines:
            bench.lines = count
            found["lines"][count] = _rounds(bench, claims, rounds)
            print(f"{count} lines: {found['lines'][count]}", flush=True)
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench shapes")
    parser.add_argument("--claims", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--partitions", default="1,6,24")
    parser.add_argument("--lines", default="2,7,17")
    options = parser.parse_args(arguments)
    partitions, lines = ([int(each) for each in told.split(",")] for told in (options.partitions, options.lines))
    report = {"claims": options.claims} | _measure(partitions, lines, options.claims, options.rounds)
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('shapes', report)}")
