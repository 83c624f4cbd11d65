"""Does it stay as fast as it grows? The classifier's batch and its lists, with so many rows in the tables that grow with claims.

`python -m tests.bench growth [--rows 1000000,10000000,100000000] [--rounds N]`

Rows are made inside of PostgreSQL from one that a handler wrote: its ids and numbers drawn anew, its days spread over ten years;
indexes are taken away meanwhile and built again, which is what makes a hundred million rows possible. At each size: remits a second
through the classifier's own handler and the inbox, in transactions of 1,000 as its consumer makes them, by the CPU of this process
and of PostgreSQL and by the clock; then the pages of its list. What was run, and how large it was, is in the report.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import httpx
import psutil

from deploy.local.stack import Stack
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.messaging import inbox, outbox
from libs.common.messaging.consumer import BATCH_RECORDS as BATCH
from libs.common.worker import spare_batches_the_gc
from services.classifier import handlers
from services.classifier.api import make_app
from tests.bench.meter import cpu_seconds, keep
from tests.bench.replay import NOW, remit
from tests.bench.servers import own_database
from tests.support.access import VERIFIER, bearer

PAGES: Final = 300
_WARM_UP_ROUNDS: Final = 30
TABLES: Final = ("inbox", "denials")
_PIECE: Final = 500_000
_COLUMNS: Final = """
SELECT quote_ident(attname) AS name, format_type(atttypid, atttypmod) AS kind FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = '' ORDER BY attnum
"""
# What stands in place of a column's value: ids of rows that only grow are made as they are, others by chance.
_MADE: Final = {"row_id": "uuidv7()", "event_id": "uuidv7(make_interval(secs => -n))"}
_OF_KIND: Final = {
    "uuid": "gen_random_uuid()",
    "date": "one.{name} - (n % 3650)",
    "timestamp with time zone": "one.{name} - make_interval(days => n % 3650)",
}


_INDEXES: Final = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made, c.conname AS constraint,
  pg_get_constraintdef(c.oid) AS constrained
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u')
WHERE i.indrelid = $1::regclass
"""


@asynccontextmanager
async def without_indexes(connection: "asyncpg.Connection[Any]", table: str) -> AsyncIterator[None]:
    """Take a table's indexes and keys away, and build them again at the end."""
    indexes = await connection.fetch(_INDEXES, table)
    for each in indexes:
        await connection.execute(
            f"ALTER TABLE {table} DROP CONSTRAINT {each['constraint']}" if each["constraint"] else f"DROP INDEX {each['name']}"
        )
    yield
    await connection.execute("SET maintenance_work_mem = '2GB'")
    for each in indexes:
        await connection.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {each['constraint']} {each['constrained']}" if each["constraint"] else each["made"]
        )


async def grow(connection: "asyncpg.Connection[Any]", table: str, rows: int) -> None:
    """Bring a table of at least one row to so many, like that one."""
    made = []
    columns = await connection.fetch(_COLUMNS, table)
    for each in columns:
        name, kind = each["name"], each["kind"]
        of_text = "'G' || n" if kind == "text" and name.endswith("number") else "one.{name}"
        made.append(_MADE.get(name, _OF_KIND.get(kind, of_text)).format(name=name))
    names = ", ".join(each["name"] for each in columns)
    there = await connection.fetchval(f"SELECT count(*) FROM {table}")
    async with without_indexes(connection, table):
        for begin in range(there, rows, _PIECE):
            await connection.execute(
                f"INSERT INTO {table} ({names}) SELECT {', '.join(made)} FROM (SELECT * FROM {table} LIMIT 1) AS one,"
                f" generate_series({begin + 1}, {min(begin + _PIECE, rows)}) AS n"
            )
    await connection.execute(f"VACUUM (ANALYZE) {table}")


async def rate(database: Database, postgres: psutil.Process, first: int) -> dict[str, float]:
    """Take a batch in as the consumer does; return seconds and CPU a remit."""
    remits = [remit(number) for number in range(first, first + BATCH)]
    cpu, own, began = cpu_seconds(postgres), time.process_time(), time.perf_counter()
    async with database.begin() as tx:
        fresh = await inbox.admit(tx, remits)
        await outbox.append(tx, await handlers.handle(tx, fresh, NOW))
    return {
        "remits_per_second": BATCH / (time.perf_counter() - began),
        "python_us_a_remit": (time.process_time() - own) / BATCH * 1e6,
        "postgres_us_a_remit": (cpu_seconds(postgres) - cpu) / BATCH * 1e6,
    }


async def pages(url: str) -> list[float]:
    """Read a list page by page; return the milliseconds of each."""
    taken: list[float] = []
    cursor: dict[str, str] = {}
    database = Database(url)
    app = make_app(database, SystemClock(), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://bench") as http:
        for _ in range(PAGES):
            began = time.perf_counter()
            answer = (await http.get("/v1/denials", params={"limit": 50, **cursor})).raise_for_status().json()
            taken.append((time.perf_counter() - began) * 1000)
            cursor = {"cursor": answer["next_cursor"]} if answer["next_cursor"] else {}
    await database.close()
    return sorted(taken)


async def measure(stack: Stack, urls: Mapping[str, str], sizes: Sequence[int], rounds: int) -> dict[str, Any]:
    postgres = psutil.Process(stack.pid("postgres"))
    name = urls["owner"].rpartition("/")[2]
    admin = await asyncpg.connect(stack.admin_url.rpartition("/")[0] + "/" + name)
    database = Database(urls["worker"], by_index=True)
    spare_batches_the_gc()
    found: dict[str, Any] = {}
    first = 0
    await rate(database, postgres, first)  # the rows that others are made like; and it warms
    for rows in sizes:
        for table in TABLES:
            await grow(admin, table, rows)
        told = []
        for _ in range(_WARM_UP_ROUNDS + rounds):
            first += BATCH
            told.append(await rate(database, postgres, first))
        del told[:_WARM_UP_ROUNDS]  # they read what nobody had read before
        taken = await pages(urls["api"])
        found[f"{rows:,}"] = {key: [round(each[key], 1) for each in told] for key in told[0]} | {
            "list_ms": {"p50": round(taken[PAGES // 2], 1), "p99": round(taken[PAGES * 99 // 100], 1), "pages": PAGES},
            "gigabytes": round(await admin.fetchval("SELECT pg_database_size(current_database())") / 1e9, 2),
        }
        print(rows, found[f"{rows:,}"], flush=True)
    await database.close()
    await admin.close()
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench growth")
    parser.add_argument("--rows", default="1000000,10000000,100000000")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args(arguments)
    with own_database("classifier") as (stack, urls):
        sizes = asyncio.run(measure(stack, urls, [int(rows) for rows in options.rows.split(",")], options.rounds))
    cpu = [
        statistics.median(own + its for own, its in zip(each["python_us_a_remit"], each["postgres_us_a_remit"], strict=True))
        for each in sizes.values()
    ]
    report = {"batch": BATCH, "sizes": sizes, "rate_by_cpu_of_the_smallest": [round(cpu[0] / each, 2) for each in cpu]}
    print(f"kept as {keep('growth', report)}")
