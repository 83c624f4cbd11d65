"""The bill of materials: what a rate needs, from what a claim was measured to cost. It writes the tables of docs/scaling.md.

Everything is proportional on purpose and says so: cores, bytes and discs by the claim, at 60 % use. What is not proportional, who
hits a wall first, is told in words there.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from deploy.local.layout import SERVICES

RATES: Final = (160, 1_000, 10_000)
END: Final = "<!-- measured: end -->"
_USE: Final = 0.6  # of a core at the rate that is asked for: the rest is for peaks, replays and a lost neighbour
_DAY_SECONDS: Final = 86_400
_KAFKA_DAYS: Final = 7
_REPLICAS: Final = 3
_MEGABYTE, _TERABYTE = 1e6, 1e12
_PROCESSES: Final = tuple(f"{service}-{role}" for service in SERVICES for role in ("api", "worker"))


class Costs:
    """What a claim costs, from the rounds of the pipeline: CPU milliseconds by process, bytes by kind."""

    def __init__(self, pipeline: Mapping[str, Any]) -> None:
        rounds, claims = pipeline["ours"], pipeline["claims_a_round"]
        self.cpu_ms: dict[str, float] = {
            name: median(each["processes"][name]["cpu_seconds"] for each in rounds) * 1000 / claims
            for name in rounds[0]["processes"]
        }
        self.bytes: dict[str, float] = {
            kind: median(each["bytes_a_claim"][kind] for each in rounds) for kind in ("wal", "tables", "kafka")
        }

    def cores(self, name: str, rate: int) -> float:
        return rate * self.cpu_ms[name] / 1000


def unit_costs(costs: Costs) -> list[str]:
    """Return the table of what one claim costs."""
    lines = ["| a claim costs | figure |", "|---|---|"]
    lines += [f"| CPU of {name}, ms | {costs.cpu_ms[name]:.3f} |" for name in (*_PROCESSES, "postgres", "kafka")]
    names = {"wal": "WAL, all four databases", "tables": "tables and indexes", "kafka": "Kafka's logs, one copy"}
    return lines + [f"| {names[kind]}, bytes | {each:,.0f} |" for kind, each in costs.bytes.items()]


def bill(costs: Costs) -> list[str]:
    """Return the table of what each rate needs."""
    rows: list[tuple[str, Sequence[str]]] = [
        (f"{name}, processes", [f"{processes(costs, name, rate)}" for rate in RATES]) for name in _PROCESSES
    ]
    most = [max(processes(costs, f"{service}-worker", rate) for service in SERVICES) for rate in RATES]
    rows += [
        ("partitions a topic", [f"{max(6, 2 * each)}" for each in most]),
        ("cores of the four databases, primaries", [f"{costs.cores('postgres', rate) / _USE:.1f}" for rate in RATES]),
        ("WAL, MB/s", [f"{rate * costs.bytes['wal'] / _MEGABYTE:.1f}" for rate in RATES]),
        (
            "databases are written, TB a year; the outbox's part is dropped after 7 days",
            [f"{rate * costs.bytes['tables'] * _DAY_SECONDS * 365 / _TERABYTE:.1f}" for rate in RATES],
        ),
        ("brokers, and cores of each", [f"3 x {math.ceil(costs.cores('kafka', rate) / _USE)}" for rate in RATES]),
        ("Kafka writes, MB/s, three copies", [f"{rate * costs.bytes['kafka'] * _REPLICAS / _MEGABYTE:.1f}" for rate in RATES]),
        (
            f"Kafka's discs, TB, {_KAFKA_DAYS} days, three copies",
            [f"{rate * costs.bytes['kafka'] * _REPLICAS * _DAY_SECONDS * _KAFKA_DAYS / _TERABYTE:.2f}" for rate in RATES],
        ),
    ]
    head = ["| around the clock | " + " | ".join(f"{rate:,} claims/s" for rate in RATES) + " |", "|---" * (len(RATES) + 1) + "|"]
    return head + [f"| {what} | " + " | ".join(figures) + " |" for what, figures in rows]


def processes(costs: Costs, name: str, rate: int) -> int:
    """Return how many processes of one core each; two at least, so that one may be lost."""
    return max(2, math.ceil(costs.cores(name, rate) / _USE))


def tables(pipeline: Mapping[str, Any]) -> list[str]:
    """Return what stands in docs/scaling.md of a claim's costs and of what rates need."""
    costs = Costs(pipeline)
    return [*unit_costs(costs), "", *bill(costs)]


def inserted(page: str, part: str, lines: Sequence[str]) -> str:
    """Return a page with what stands between the marks of a part written anew. Errors: ValueError where it has no such marks."""
    mark = f"<!-- measured by `make bench {part}`, written by `make bench-report` -->"
    before, found, rest = page.partition(mark)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"no marks for {part}")
    return "\n".join([before + mark, *lines, END]) + after
