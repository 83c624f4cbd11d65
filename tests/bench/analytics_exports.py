"""Exports of a million rows among ten million facts: streamed, and at what memory of the server.

A part of `python -m tests.bench analytics`. Facts are drawn inside PostgreSQL: a tenth of them is this tenant's. All of its facts
are fetched as CSV, XLSX and Parquet, and its denials as CSV, over HTTP from a real server process; what comes is written to disk,
and its rows are counted there. The memory of the server (RSS) is sampled ten times a second: constant means that it grows no more
after the first quarter of the time in which pieces come.
What a format needs of its own, its library and its buffers, comes in that quarter and stands beside it as `needed`.
"""

import re
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import psutil
import pyarrow.parquet as pq

from tests.bench.analytics_years import FACTS_A_CLAIM, TENANT
from tests.bench.meter import Meter

LIMIT_GROWTH_MIB: Final = 16
_SAMPLED_SECONDS: Final = 0.1
_DRAW: Final = """
INSERT INTO facts (tenant_id, claim_key, place, kind, told)
SELECT $1, key, place, kind, convert_to(told, 'UTF8') FROM (
    SELECT gen_random_uuid() AS key, number, day, day + 20 AS paid, number % 20 AS payer, 1000 + number % 49999 AS cents
    FROM (SELECT number, current_date - 60 - number % 1000 AS day FROM generate_series(1, $2::int) AS number) AS numbered
) AS claims CROSS JOIN LATERAL (VALUES
    (0, 'claim', true, format('{"is":"claim","claim_id":"%s","version":1,"known_on":"%s","payer_id":"P%s","charge_cents":%s,'
        '"frequency_code":"1","facility":"F%s","provider":"D%s","service_group":"G","service_on":"%s","place":"11",'
        '"claim_type":"professional","services":["G0283","A4253:NU"]}', key, day, payer, cents, number % 8, number % 60, day - 2)),
    (1, 'remit', true, format('{"is":"remit","remit_id":"%s","known_on":"%s","payer_id":"P%s","payment_on":"%s","status":"1",'
        '"charge_cents":%s,"paid_cents":%s,"lines":2,"number":"ICN%s","service_group":"G","claim_id":"%s"}', key, paid, payer, paid,
        cents, CASE WHEN number % 8 = 0 THEN 0 ELSE cents * 6 / 10 END, number, key)),
    (2, 'denial', number % 8 = 0, format('{"is":"denial","denial_id":"%s","remit_id":"%s","version":1,"known_on":"%s",'
        '"is_active":true,"payer_id":"P%s","payment_on":"%s","category":"authorization","denied_cents":%s,"lines":2,"preventable":true,'
        '"action":"appeal"}', key, key, paid, payer, paid, cents)),
    (2, 'answer', number % 8 IN (1, 3, 5), format('{"is":"answer","acknowledgement_id":"%s","version":1,"known_on":"%s",'
        '"status":"accepted","claim_id":"%s"}', key, day, key))
) AS facts (place, kind, is_there, told) WHERE is_there
"""


async def fill(admin_url: str, facts: int) -> int:
    """Write so many facts, a tenth of them this tenant's; return how many it has. As superuser, to whom no policy is applied."""
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction():
            for setting in ("maintenance_work_mem = '1GB'", "synchronous_commit = off", "jit = off"):
                await connection.execute(f"SET LOCAL {setting}")
            await connection.execute("ALTER TABLE facts DROP CONSTRAINT facts_pkey")
            for tenant, share in ((TENANT, 0.1), ("neighbour", 0.9)):
                await connection.execute(_DRAW, tenant, int(facts * share / FACTS_A_CLAIM))
            await connection.execute("ALTER TABLE facts ADD PRIMARY KEY (tenant_id, claim_key, place)")
        await connection.execute("VACUUM (ANALYZE) facts")
        there: int = await connection.fetchval("SELECT count(*) FROM facts WHERE tenant_id = $1", TENANT)
    finally:
        await connection.close()
    return there


class Memory:
    """RSS of a process in MiB, sampled."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._begin = 0

    def begin(self) -> None:
        """What grows counts from here on."""
        self._begin = len(self.samples)

    @property
    def peak(self) -> float:
        return max(self.samples)

    @property
    def growth(self) -> float:
        """Return by how much the rest of the time was above the first quarter."""
        return max(0.0, max(self._counted[self._quarter :], default=0) - max(self._counted[: self._quarter]))

    @property
    def needed(self) -> float:
        """Return by how much the first quarter was above what was there before anything came."""
        return max(self._counted[: self._quarter]) - self.samples[0]

    @property
    def _counted(self) -> list[float]:
        return self.samples[self._begin :] or self.samples[-1:]

    @property
    def _quarter(self) -> int:
        return max(1, len(self._counted) // 4)


@contextmanager
def sampled(pid: int) -> Iterator[Memory]:
    process, memory, ended = psutil.Process(pid), Memory(), threading.Event()

    def sample() -> None:
        while True:
            memory.samples.append(process.memory_info().rss / 1024**2)
            if ended.wait(_SAMPLED_SECONDS):
                return

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


def fetch(url: str, token: str, pids: dict[str, int]) -> dict[str, float]:
    """Fetch each format; return rows, seconds, CPU and memory."""
    found: dict[str, float] = {"export_limit_growth_mib": LIMIT_GROWTH_MIB}
    wanted = [("facts", "csv"), ("facts", "xlsx"), ("facts", "parquet"), ("denials", "csv")]
    headers = {"Authorization": f"Bearer {token}"}
    with tempfile.TemporaryDirectory() as folder, httpx.Client(base_url=url, headers=headers, timeout=600) as http:
        for _, format_ in wanted:
            http.get("/v1/exports/kpis", params={"format": format_, "from": "2020-01-01", "to": "2020-01-02"}).raise_for_status()
        for what, format_ in wanted:
            path = Path(folder) / f"{what}.{format_}"
            meter, began, first = Meter(pids), time.monotonic(), 0.0
            with (
                sampled(pids["analytics-api"]) as memory,
                path.open("wb") as file,
                http.stream("GET", f"/v1/exports/{what}", params={"format": format_}) as answer,
            ):
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    if not first:
                        first = time.monotonic() - began
                        memory.begin()
                    file.write(piece)
            cpu = {name: each["cpu_seconds"] for name, each in meter.end().items()}
            of = f"export_{what}_{format_}"
            found |= {f"{of}_rows": _rows(path, format_), f"{of}_seconds": round(time.monotonic() - began, 1)}
            found |= {f"{of}_first_byte_seconds": round(first, 2), f"{of}_mib": round(path.stat().st_size / 1024**2)}
            found |= {f"{of}_cpu_seconds_{name}": seconds for name, seconds in cpu.items()}
            found |= {f"{of}_peak_mib": round(memory.peak), f"{of}_growth_mib": round(memory.growth, 1)}
            found[f"{of}_needed_mib"] = round(memory.needed, 1)
            path.unlink()
    return found


def _rows(path: Path, format_: str) -> int:
    """Count a file's rows, its header left out."""
    if format_ == "parquet":
        metadata: Any = pq.read_metadata(path)
        return int(metadata.num_rows)
    if format_ == "csv":
        with path.open("rb") as file:
            return sum(1 for _ in file) - 1
    with zipfile.ZipFile(path) as book:
        sheets = [each for each in book.namelist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", each)]
        return sum(_count(book, each) - 1 for each in sheets)


def _count(book: zipfile.ZipFile, sheet: str) -> int:
    count, rest = 0, b""
    with book.open(sheet) as file:
        while piece := file.read(1 << 20):
            told = rest + piece
            count += told.count(b"<row ")
            rest = told[-4:]
    return count
