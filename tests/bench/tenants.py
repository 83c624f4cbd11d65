"""What it costs to export a tenant and to erase it: a plain table, a sealed one and the outbox, beside another tenant as large.

`python -m tests.bench tenants [--rows N]`: rows a second, and whether the last rows go as fast as the first.
"""

import argparse
import asyncio
import os
import resource
import time
from collections.abc import Mapping, Sequence
from typing import Final

from libs.common.clock import SystemClock
from libs.common.database import Database, copy_rows, driver
from libs.common.ids import uuid7
from libs.common.sealing.keys import cipher_of
from libs.common.tenants import store
from libs.common.tenants.archive import archive
from libs.common.tenants.erasing import ROWS_AT_ONCE, Eraser
from libs.common.tenants.holdings import Holdings
from services.ingest.packing import pack
from services.ingest.seals import HOLDINGS, LETTER
from tests.bench.meter import tell
from tests.bench.servers import own_database

_CHUNK: Final = 5000
_FILL: Final = (
    "INSERT INTO accounts SELECT t, gen_random_uuid(), 1 FROM generate_series(1, $1), unnest(ARRAY['leaves', 'stays']) AS t",
    (
        "INSERT INTO outbox (id, tenant_id, aggregatetype, aggregateid, type, payload, headers)"
        " SELECT gen_random_uuid(), t, 'remit.received', 'x', 'x', decode(repeat('ab', 800), 'hex'), '{}'"
        " FROM generate_series(1, $1), unnest(ARRAY['leaves', 'stays']) AS t"
    ),
)


async def fill(worker: Database, rows: int) -> None:
    """Give both tenants rows in turn, so that their rows share pages."""
    async with worker.begin() as tx:
        for query in _FILL:
            await (await driver(tx)).execute(query, rows)
        ciphers = {tenant: await cipher_of(tx, tenant) for tenant in ("leaves", "stays")}
    body = pack(os.urandom(600).hex().encode())
    for _ in range(0, rows, _CHUNK):
        async with worker.begin() as tx:
            at = SystemClock().now()
            letters = []
            for _ in range(_CHUNK):
                for tenant, cipher in ciphers.items():
                    row_id = uuid7()
                    letters.append((tenant, at, row_id, cipher.seal(LETTER, (row_id,), body), ""))
            await copy_rows(tx, "sandbox_letters", ("tenant_id", "due_at", "row_id", "body", "traceparent"), letters)


class Timed(Eraser):
    """Notes how long each batch of a plain table took."""

    def __init__(self, database: Database, holdings: Holdings) -> None:
        super().__init__(database, SystemClock(), holdings)
        self.took: dict[str, list[float]] = {}

    async def _batch(self, tenant_id: str, name: str, query: str, *more: object) -> int:
        began = time.perf_counter()
        gone = await super()._batch(tenant_id, name, query, *more)
        if gone:
            self.took.setdefault(name, []).append(time.perf_counter() - began)
        return gone


async def measure(urls: Mapping[str, str], rows: int) -> dict[str, float]:
    worker, database = Database(urls["worker"]), Database(urls["api"])
    await fill(worker, rows)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, size = time.perf_counter(), 0
    async for piece in archive(database, HOLDINGS, "leaves", SystemClock().now()):
        size += len(piece)
    took = time.perf_counter() - began
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    figures = {"exported_rows_a_second": 3 * rows / took, "export_us_a_row": 1e6 * took / (3 * rows)}
    figures |= {"archive_mb": size / 1e6, "export_grew_mib": grown_kib / 1024}
    async with worker.begin() as tx:
        now = SystemClock().now()
        await store.put(tx, "leaves", store.Change("suspended", False, "bench", "bench"), now)
        await store.begin_erasing(tx, "leaves", "bench", "bench", now)
    eraser = Timed(worker, HOLDINGS)
    began = time.perf_counter()
    await eraser.erase_all()
    took = time.perf_counter() - began
    figures |= {"erased_rows_a_second": 3 * rows / took, "erase_us_a_row": 1e6 * took / (3 * rows)}
    for name in ("accounts", "sandbox_letters", "outbox"):
        batches = eraser.took[name]
        tenth = max(1, len(batches) // 10)
        figures[f"{name}_last_tenth_to_first"] = sum(batches[-tenth:]) / sum(batches[:tenth])
        figures[f"{name}_longest_batch_ms"] = 1000 * max(batches)
    await worker.close()
    await database.close()
    return {name: round(value, 2) for name, value in figures.items()} | {"rows_a_batch": ROWS_AT_ONCE}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench tenants")
    parser.add_argument("--rows", type=int, default=100_000, help="of each of three tables, for each of two tenants")
    options = parser.parse_args(arguments)
    with own_database("ingest") as (_, urls):
        tell("tenants", asyncio.run(measure(urls, options.rows)))
