"""Ten times as many requests as can be served: those that are taken are answered in time, the others are told to come back."""

import os
import statistics
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import psutil
from msgspec import Struct

from deploy.local.layout import ROOT
from tests.chaos.checks import check
from tests.chaos.site import APIS, WORKERS, Site
from tests.chaos.storm import Shot
from tests.support import access

TIMES = 10
SLOWER_AT_MOST = 3.0
LARGER_AT_MOST = 1.5
_TAKEN = (200, 201)
_REFUSED = (429, 503)
_CAPACITY_CONNECTIONS = 8  # nobody is sent away yet
_STORM_CONNECTIONS = 1000
_SECONDS = 20.0


class Overload(Struct, frozen=True):
    """`normal` is at half the capacity. Rates in requests a second, times in seconds, memory in bytes of all our processes."""

    capacity: float
    offered: float
    taken: float
    refused: int
    normal_p99: float
    p99: float
    normal_bytes: int
    most_bytes: int
    problems: list[str]
    load_average: float

    @property
    def is_in_bounds(self) -> bool:
        return self.p99 <= SLOWER_AT_MOST * self.normal_p99 and self.most_bytes <= LARGER_AT_MOST * self.normal_bytes

    def __str__(self) -> str:
        larger, mebibytes = self.most_bytes / self.normal_bytes, self.normal_bytes / 1024**2
        return (
            f"capacity {self.capacity:.0f}/s; offered {self.offered:.0f}/s, taken {self.taken:.0f}/s, {self.refused} refused; "
            f"p99 {1000 * self.p99:.0f} ms, normally {1000 * self.normal_p99:.0f} ms; memory {larger:.2f} times"
            f" {mebibytes:.0f} MiB; load {self.load_average:.1f}; {len(self.problems)} problems"
        )


def overload(site: Site, year: int) -> Overload:
    """Find out how much is served, offer half of it and then ten times as much, and count what became of all."""
    _storm(site, f"CH{year - 1}NW", 0, _SECONDS / 4, _CAPACITY_CONNECTIONS)  # nothing is measured cold
    shots = _storm(site, f"CH{year}NC", 0, _SECONDS / 2, _CAPACITY_CONNECTIONS)
    capacity = len(_taken(shots)) / (_SECONDS / 2)
    site.system.come_to_rest()
    with _memory(site) as normal:
        usual = _storm(site, f"CH{year}NU", capacity / 2, _SECONDS, _STORM_CONNECTIONS)
    site.system.come_to_rest()
    with _memory(site) as most:
        stormy = _storm(site, f"CH{year}NS", TIMES * capacity, _SECONDS, _STORM_CONNECTIONS)
    site.system.come_to_rest()
    refused = [shot for shot in stormy if shot.status in _REFUSED]
    known = Counter(shot.status for shot in stormy)
    odd = {status: times for status, times in known.items() if status not in (*_TAKEN, *_REFUSED)}
    problems = check(site.system, [], year, claims=[shot.account for shot in _taken(shots + usual + stormy)], planted=site.planted)
    if odd:
        problems.append(f"answers that are neither taken nor refused: {odd}")
    if silent := sum(1 for shot in refused if not shot.retry_after):
        problems.append(f"{silent} were refused without Retry-After")
    return Overload(
        capacity=capacity,
        offered=len(stormy) / _SECONDS,
        taken=len(_taken(stormy)) / _SECONDS,
        refused=len(refused),
        normal_p99=_p99(_taken(usual)),
        p99=_p99(_taken(stormy)),
        normal_bytes=max(normal),
        most_bytes=max(most),
        problems=problems,
        load_average=os.getloadavg()[0],
    )


def _taken(shots: Sequence[Shot]) -> list[Shot]:
    return [shot for shot in shots if shot.status in _TAKEN]


def _p99(shots: Sequence[Shot]) -> float:
    return statistics.quantiles([shot.seconds for shot in shots], n=100)[98]


def _storm(site: Site, prefix: str, rate: float, seconds: float, connections: int) -> list[Shot]:
    told = [site.stack.url("ingest"), prefix, f"{rate}", f"{seconds}", f"{connections}"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.storm", *told],
        cwd=ROOT,
        env=os.environ | {"STORM_TOKEN": access.token(), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=list[Shot])


@contextmanager
def _memory(site: Site) -> Iterator[list[int]]:
    """Look at all our processes' memory while it is entered."""
    seen: list[int] = [_all_bytes(site)]
    end = threading.Event()

    def look() -> None:
        while not end.wait(0.3):
            seen.append(_all_bytes(site))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join()


def _all_bytes(site: Site) -> int:
    total = 0
    for name in (*APIS, *WORKERS):
        process = site.process(name)
        for each in (process, *process.children(recursive=True)) if process is not None else ():
            try:
                total += each.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    return total
