"""Analytics: what a question costs over the sums of ten million facts, and what a claim costs on its way into them.

`python -m tests.bench analytics [--facts N] [--claims N]`

A question reads sums, never facts, so the sums of N facts are drawn inside PostgreSQL: claims (two facts and a half each) over
three years, 20 payers and 60 providers of 8 facilities with two groups of services each, one in eight denied. Key figures are asked
through the routes for a month, a quarter and a year: as it is, by month, by payer, by provider, and as of a
day. Then remits and denials go through the real handlers in batches of 2,000: seconds are wall time, CPU this process's.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from libs.common.booking import BookedTotals
from libs.common.clock import FixedClock
from libs.common.contracts import denial_classified, remit_received
from libs.common.contracts.envelope import Received
from libs.common.database import Database, copy_rows, driver
from services.analytics import events, handlers
from services.analytics.api import make_app
from services.analytics.facts.measures import MEASURES, cell_id, coarse
from services.analytics.kpis.definitions import KPIS
from tests.bench import analytics_causes
from tests.bench.meter import tell
from tests.bench.servers import own_database
from tests.support.access import VERIFIER, bearer

NOW = datetime(2026, 11, 29, tzinfo=UTC)
BATCH = 2_000
_FACTS_A_CLAIM = 2.5
_DAYS = 1_095
_PAYERS, _PROVIDERS, _FACILITIES, _CATEGORIES = 20, 60, 8, 13
_GROUPS = ("G", "J", "99", "97")
# measure -> one in so many claims; whether its cells name a category
_DRAWN = {
    "submitted": (1, False), "clean": (1, False), "first_adjudicated": (1, False), "resolved_first": (1, False),
    "responded": (1, False), "initially_denied": (8, True), "initially_refused": (8, True), "denied": (8, True),
    "unrecovered": (10, True), "preventable": (16, True), "preventable_known": (8, True), "outstanding": (20, False),
    "recovered": (30, True), "closed": (40, True), "overturned": (80, True), "appealed": (40, True), "decided": (40, True),
    "cashed": (60, True), "filed_with_deadline": (40, True), "filed_in_time": (42, True), "timely_filing_lost": (100, True),
    "caught": (40, True), "catchable": (9, True),
}  # fmt: skip
_DRAW = f"""
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT 'local', 0, $1::smallint, day, day + lag, cell, count(*), sum(1000 + (random() * 50000)::int)
FROM (
    SELECT date '2023-11-01' + (random() * {_DAYS})::int AS day, (random() * random() * 5)::int AS lag,
        (random() * random() * $3)::int AS place
    FROM generate_series(1, $2::int)
) AS claims JOIN cells_drawn USING (place) GROUP BY day, lag, cell
"""
_COARSE = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT tenant_id, 1, measure, day, known_on, coarse, sum(count), sum(amount)
FROM rollups JOIN coarse_drawn USING (cell) WHERE grain = 0
GROUP BY tenant_id, measure, day, known_on, coarse
"""
_MONTH = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT tenant_id, 2, measure, date_trunc('month', day)::date, 'epoch', cell, sum(count), sum(amount)
FROM rollups WHERE grain = 0 GROUP BY tenant_id, measure, date_trunc('month', day), cell
"""


def cells(*, with_category: bool) -> list[tuple[str, str, str, str, str, str]]:
    """Draw who treats whom: each provider sees a few payers' patients with two groups of services."""
    chance = random.Random(8)
    found = []
    for provider in range(_PROVIDERS):
        payers = chance.sample(range(_PAYERS), 8)
        groups = chance.sample(_GROUPS, 2)
        for payer in payers:
            for group in groups:
                categories = range(_CATEGORIES) if with_category else ("",)
                facility = f"F{provider % _FACILITIES}"
                found += [(f"P{payer}", facility, f"D{provider}", group, str(each), "") for each in categories]
    chance.shuffle(found)
    return found


async def fill(url: Mapping[str, str], claims: int) -> int:
    """Write the sums of so many claims; return how many rows they have."""
    worker, owner = Database(url["worker"]), Database(url["owner"])
    drawn = {category: cells(with_category=category) for category in (False, True)}
    async with worker.begin() as tx:
        named = {cell for each in drawn.values() for cell in each} | {coarse(cell) for each in drawn.values() for cell in each}
        await copy_rows(
            tx,
            "cells",
            ("tenant_id", "cell", "payer", "facility", "provider", "service_group", "category", "level"),
            [("local", cell_id(cell), *cell) for cell in named],
        )
    async with owner.begin("local") as tx:
        connection = await driver(tx)
        await connection.execute("CREATE TEMP TABLE cells_drawn (place integer PRIMARY KEY, cell bigint)")
        await connection.execute("CREATE TEMP TABLE coarse_drawn (cell bigint PRIMARY KEY, coarse bigint)")
        pairs = {cell_id(cell): cell_id(coarse(cell)) for each in drawn.values() for cell in each}
        await connection.copy_records_to_table("coarse_drawn", records=list(pairs.items()))
        await connection.execute("ALTER TABLE rollups DROP CONSTRAINT rollups_pkey")  # made of what is there, it is made faster
        for measure, (one_in, with_category) in _DRAWN.items():
            await connection.execute("TRUNCATE cells_drawn")
            places = [(place, cell_id(cell)) for place, cell in enumerate(drawn[with_category])]
            await connection.copy_records_to_table("cells_drawn", records=places)
            await connection.execute(_DRAW, MEASURES[measure][0], claims // one_in, float(len(places) - 1))
        for coarser in (_COARSE, _MONTH):
            await connection.execute(coarser)
        await connection.execute("ALTER TABLE rollups ADD PRIMARY KEY (tenant_id, grain, measure, day, known_on, cell)")
        rows: int = await connection.fetchval("SELECT count(*) FROM rollups")
        await connection.execute("ANALYZE")
    await worker.close()
    await owner.close()
    return rows


_PERIODS = {
    "month": {"from": "2026-09-01", "to": "2026-09-30"},
    "quarter": {"from": "2026-07-01", "to": "2026-09-30"},
    "year": {"from": "2025-10-01", "to": "2026-09-30"},
}


def questions() -> list[tuple[str, str, dict[str, Any]]]:
    """Return (kind, key figure, question) of everything that is asked."""
    asked: list[tuple[str, str, dict[str, Any]]] = []
    for kpi in KPIS:
        if any(side is None or side.measure not in _DRAWN for side in (kpi.numerator, kpi.denominator or kpi.numerator)):
            continue
        for name, period in _PERIODS.items():
            asked.append((name, kpi.id, period))
            asked.append((f"{name}_as_of", kpi.id, {**period, "as_of": "2026-10-15"}))
            asked.append((f"{name}_by_payer", kpi.id, {**period, "group_by": "payer"}))
            if kpi.kind == "period":
                asked.append((f"{name}_by_month", kpi.id, {**period, "group_by": "month"}))
            asked.append((f"{name}_by_provider", kpi.id, {**period, "group_by": "provider"}))
    return asked


async def ask(url: Mapping[str, str]) -> dict[str, float]:
    """Return centiles of the milliseconds of questions, in all and by kind; each is asked four times, the first not counted."""
    taken: dict[str, list[float]] = {}
    fastest: list[float] = []
    app = make_app(Database(url["api"]), FixedClock(NOW), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://bench") as http:
        for kind, kpi, query in questions():
            own: list[float] = []
            for _ in range(4):
                began = time.perf_counter()
                (await http.get(f"/v1/kpis/{kpi}", params=query)).raise_for_status()
                own.append((time.perf_counter() - began) * 1000)
            taken.setdefault(kind, []).extend(own[1:])
            fastest.append(min(own))
    every = [each for some in taken.values() for each in some]
    whole = {"p50_ms": _centile(every, 50), "p95_ms": _centile(every, 95), "p95_ms_fastest_of_four": _centile(fastest, 95)}
    return whole | {f"p95_ms_{kind}": _centile(some, 95) for kind, some in taken.items()}


def _centile(values: Sequence[float], percent: int) -> float:
    return round(statistics.quantiles(values, n=100)[percent - 1], 1)


async def take_in(url: Mapping[str, str], claims: int) -> dict[str, float]:
    """Send remits, and a denial for each eighth, through the handlers; return claims a second and CPU."""
    database = Database(url["worker"])
    batches = [[_remit(number) for number in range(start, start + BATCH)] for start in range(0, claims, BATCH)]
    denials = [[_denial(each) for each in batch[::8]] for batch in batches]
    began, cpu = time.perf_counter(), time.process_time()
    for remits, refused in zip(batches, denials, strict=True):
        async with database.begin() as tx:
            await handlers.handle_remits(tx, remits, NOW)
        async with database.begin() as tx:
            await handlers.handle_facts(tx, refused, NOW)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    await database.close()
    return {"claims_per_second": round(claims / seconds), "cpu_us_per_claim": round(cpu_seconds * 1e6 / claims, 1)}


def _remit(number: int) -> Received[events.ReceivedRemit]:
    line = events.Line(6_000, "G0283")
    data = events.ReceivedRemit(
        remit_id=uuid4(),
        claim_key=UUID(int=number),
        payer_claim_control_number=f"ICN{number}",
        payer_id=f"P{number % _PAYERS}",
        payer_name="PAYER",
        payment_on=date(2026, 11, 1 + number // BATCH % 28),
        received_at=NOW,
        claim_status_code="1",
        charge_cents=12_000,
        paid_cents=8_000,
        totals=BookedTotals({"CO": 4_000}, 0),
        lines=(line, line),
        service_from_on=date(2026, 10, 1),
    )
    return Received(uuid4(), "bench", remit_received.TYPE, str(data.claim_key), "local", 1, "bench", None, data)


def _denial(remit: Received[events.ReceivedRemit]) -> Received[events.ClassifiedDenial]:
    told = remit.data
    data = events.ClassifiedDenial(
        denial_id=told.remit_id,
        remit_id=told.remit_id,
        claim_key=told.claim_key,
        revision=1,
        status="active",
        payer_id=told.payer_id,
        payer_name=told.payer_name,
        payment_on=told.payment_on,
        category="authorization",
        denied_cents=4_000,
        classified_at=NOW,
        reasons=(events.Reason(2),),
        preventable=True,
    )
    return Received(uuid4(), "bench", denial_classified.TYPE, remit.key, "local", 1, "bench", None, data)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench analytics")
    parser.add_argument("--facts", type=int, default=10_000_000)
    parser.add_argument("--claims", type=int, default=40_000)
    parser.add_argument("--searched", type=int, default=10_000_000, help="facts whose lines root causes are searched in; 0: none")
    chosen = parser.parse_args(arguments)
    with own_database("analytics") as (_, url):
        claims = int(chosen.facts / _FACTS_A_CLAIM)
        found: dict[str, float] = {"facts": chosen.facts, "rows_of_sums": asyncio.run(fill(url, claims))}
        found |= asyncio.run(ask(url))
        found |= asyncio.run(take_in(url, chosen.claims))
    if chosen.searched:
        with own_database("analytics") as (_, url):
            asyncio.run(analytics_causes.fill(url, chosen.searched))
            found |= {"searched_facts": chosen.searched} | asyncio.run(analytics_causes.search(url))
    tell("analytics", found)
