"""`python -m tests.chaos.soak --minutes 30`: steady load and a fault now and then; nothing drifts, and what is old goes.

What is looked at every few seconds: memory, open files, connections, the size of tables whose rows do not become more, and how
long a claim takes to get through, but while a fault's doing is not made up for; until then the next fault waits, too. Exit
status 1 when one of them grows, when anything is lost, or when what is old is still there.
"""

import argparse
import logging
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
from msgspec import Struct
from scipy.stats import theilslopes

from deploy.local.layout import SERVICES
from tests.chaos import faults
from tests.chaos.checks import check
from tests.chaos.load import Load
from tests.chaos.run import await_recovery, come_to_rest
from tests.chaos.site import APIS, WORKERS, Site
from tests.chaos.watch import Watch
from tests.support import access, run_apart
from tests.support.beside import Beside

YEAR = 2031
_LOOK_SECONDS = 2.0
_CALM_SECONDS = 20.0  # from when a fault was made up for to the next one
_SOON_SECONDS = 0.5  # what is through within it is not late at all: less is noise of the machine
_MADE_UP_SECONDS = 30.0  # after a fault's end; what is late then is late by itself
_LOOKS = 5  # at least, of each measure: fewer judge nothing
_WARM = 0.3  # of the time, until caches and pools are filled
_SURE = 0.99
_CALM = re.compile("kill -9|halted, woken|all cut|while they commit|longer each way|slower")
# By how much of its median each may grow over the time; as much as this is noise of a run of minutes.
GROWTH: Mapping[str, float] = {"memory": 0.3, "files": 0.3, "connections": 0.3, "table bytes": 1.0, "delay": 2.0}
_CONSTANT = ("relay_position", "audit_position")  # one row each, written for ever
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename ~ '_(api|worker)$'"
_OLD_PART = "outbox_20200101"
_MAKE_OLD = f"""
CREATE TABLE {_OLD_PART} PARTITION OF outbox FOR VALUES FROM ('2020-01-01Z') TO ('2020-01-02Z');
INSERT INTO outbox (xid, id, tenant_id, aggregatetype, aggregateid, type, payload, headers, created_at)
VALUES ('0', gen_random_uuid(), 'local', 'remit.received', 'old', 'old', '', '{{}}', '2020-01-01 12:00Z');
INSERT INTO inbox (event_id, source, admitted_at) VALUES (gen_random_uuid(), 'old', '2020-01-01Z');
"""
_OLD = f"SELECT (to_regclass('{_OLD_PART}') IS NOT NULL)::int + (SELECT count(*) FROM inbox WHERE source = 'old')"


class Drift(Struct, frozen=True):
    """How one measure went: its median, and what it grows by over the whole time, as a share of that, at least and most likely."""

    name: str
    median: float
    at_least: float
    likely: float

    @property
    def is_there(self) -> bool:
        return self.at_least > 0 and self.likely > GROWTH[self.name]

    def __str__(self) -> str:
        return f"{self.name}: median {self.median:,.1f}, grew by {100 * self.likely:.0f} %{' DRIFTS' if self.is_there else ''}"


def drift(name: str, points: Sequence[tuple[float, float]]) -> Drift:
    """Tell the trend of what was seen (time, value), its beginning left out; a median of slopes minds no single spike."""
    late = points[int(len(points) * _WARM) :]
    times, values = [at for at, _ in late], [value for _, value in late]
    median = sorted(values)[len(values) // 2]
    slope, _, least, _ = theilslopes(values, times, _SURE)
    scale = (times[-1] - times[0]) / max(median, 1e-9)
    return Drift(name, median, float(least) * scale, float(slope) * scale)


class Gauge(Beside):
    """Looks at a site while it is entered."""

    def __init__(self, site: Site, watch: Watch, load: Load) -> None:
        self._site, self._watch, self._load = site, watch, load
        self.seen: dict[str, list[tuple[float, float]]] = {name: [] for name in GROWTH}
        self._is_calm = True
        super().__init__(self._look_on)

    @contextmanager
    def disturbed(self) -> Iterator[None]:
        """Have something done that holds claims up: how late they are says nothing meanwhile."""
        self._is_calm = False
        try:
            yield
        finally:
            self._is_calm = True

    def _look_on(self) -> None:
        while not self._end.wait(_LOOK_SECONDS):
            at = time.monotonic()
            processes = [self._site.process(name) for name in (*APIS, *WORKERS)]
            if None in processes:
                continue  # one is just being started again: a sum without it says nothing
            try:
                self._note(at, [process for process in processes if process is not None])
            except (psutil.NoSuchProcess, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                continue

    def _note(self, at: float, processes: Sequence[psutil.Process]) -> None:
        found = {
            "memory": sum(process.memory_info().rss for process in processes) / 1024**2,
            "files": float(sum(process.num_fds() for process in processes)),
            "connections": float(self._site.databases.ask(_CONNECTIONS)),
            "table bytes": float(sum(run_apart(_size(self._site.database_url(service))) for service in SERVICES)),
        }
        if self._is_calm:
            found["delay"] = max(self._watch.delay(self._load.due), _SOON_SECONDS)
        for name, value in found.items():
            self.seen[name].append((at, value))


async def _size(url: str) -> int:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        tables = "SELECT COALESCE(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relname = ANY ($1)"
        return int(await connection.fetchval(tables, _CONSTANT))
    finally:
        await connection.close()


def soak(site: Site, seed: int, seconds: float, files_a_second: float) -> tuple[list[str], list[Drift]]:
    """Run so long; return what was wrong, and how each measure went."""
    for service in SERVICES:
        run_apart(_execute(site.database_url(service, "owner"), _MAKE_OLD))
    for name in WORKERS:
        site.start_again([name])  # what is old goes when a worker starts, and once an hour
    possible = tuple(fault for fault in faults.FAULTS if _CALM.search(fault.name))
    end = time.monotonic() + seconds
    with (
        Watch(site, YEAR) as watch,
        Load(site.stack.url("ingest"), seed, YEAR, files_a_second) as load,
        Gauge(site, watch, load) as gauge,
    ):
        for number, fault in enumerate(faults.draw(seed, int(seconds), possible)):
            time.sleep(min(_CALM_SECONDS, max(0.0, end - time.monotonic())))
            if time.monotonic() >= end:
                break
            print(f"  {end - time.monotonic():.0f} s left: {fault.name}", flush=True)
            with gauge.disturbed():
                since = fault.strike(site, faults.chance_of(seed + number, fault))
                await_recovery(watch, load.due, since, _MADE_UP_SECONDS)
    come_to_rest(site.system)
    problems = check(site.system, load.files, YEAR, claims=load.claims, planted=site.planted)
    for service in SERVICES:
        if old := site.system.rows(service, _OLD)[0][0]:
            problems.append(f"{service}: {old} things that are too old are still there")
    problems += [f"{name} was seen {len(points)} times" for name, points in gauge.seen.items() if len(points) < _LOOKS]
    drifts = [drift(name, points) for name, points in gauge.seen.items() if len(points) >= _LOOKS]
    return problems, drifts


async def _execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--files-a-second", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    told = parser.parse_args()
    print(f"seed {told.seed}", flush=True)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    access.trust()
    with tempfile.TemporaryDirectory(prefix="recours-soak-") as folder:
        site = Site(Path(folder))
        try:
            site.start()
            problems, drifts = soak(site, told.seed, 60 * told.minutes, told.files_a_second)
        finally:
            site.discard()
    print("\n".join(map(str, [*drifts, *problems])))
    return 1 if problems or any(each.is_there for each in drifts) else 0


if __name__ == "__main__":
    sys.exit(main())
