"""Years of a tenant, drawn inside PostgreSQL: the sums of so many facts, as they would have come to be.

A claim has two facts and a half. Claims come over three years up to yesterday, from 60 providers of 8 facilities, each with 8 of
20 payers, two groups of services and one of 10 coders; one in eight is refused, for one of 13 categories by one of 6 codes, and
some of those are appealed. Paid days become known up to three days later. A claim is outstanding from its submission until its
answer, 5 to 45 days later, becomes known: two rows of that sum for every claim, and one in thirty was never answered. Rows lie in
the table as they would have come, by the day on which they became known.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import asyncpg

from services.analytics.facts.measures import MEASURES, PLACES, Cell, cell_id, coarse, narrowed

TENANT: Final = "local"
FACTS_A_CLAIM: Final = 2.5
PAYERS, PROVIDERS, FACILITIES, CATEGORIES, CODERS, CODES = 20, 60, 8, 13, 10, 6
DAYS: Final = 1_095
_GROUPS: Final = ("G", "J", "99", "97")

# measures that are drawn alike; of some, one in so many rows
_SUBMITTED: Final = {1: ("submitted", "clean", "answered"), 20: ("rejected",)}
_PAID: Final = {1: ("first_adjudicated", "first_lines", "resolved_first", "responded", "standing")}
_DENIED: Final = {
    1: (
        "initially_denied", "initially_refused", "initially_denied_lines", "standing_denied", "denied", "preventable_known",
        "catchable", "unrecovered",
    ),
    3: ("preventable", "caught", "timely_filing_lost"),
}  # fmt: skip
_APPEALED: Final = {
    1: ("worked", "appealed", "filed_with_deadline", "filed_in_time", "closed", "decided"),
    2: ("recovered", "cashed", "overturned"),
}
_DENIED_ONE_IN: Final = 8
_APPEALED_ONE_IN: Final = 40
_CODED: Final = {1: ("coded", "remarked")}
_ALL_APART: Final = ("closed", "coded")  # measures whose cells tell all dimensions apart

_DRAW: Final = """
CREATE TEMP TABLE drawn AS
SELECT day, day + {lag} AS known_on, cell, count(*) AS count, sum(amount)::bigint AS amount, random() AS luck FROM (
    SELECT {last}::date - (random() * {days})::int AS day, (random() * random() * 3)::int AS lag,
        (random() * random() * {places})::int AS place, 1000 + (random() * 50000)::int AS amount
    FROM generate_series(1, {claims})
) AS claims JOIN cells_drawn USING (place) GROUP BY 1, 2, 3
"""
_OPEN: Final = """
CREATE TEMP TABLE opened AS SELECT day, known_on, cell, count, amount, luck FROM drawn
UNION ALL SELECT day, day + wait, cell, -count(*), -sum(amount / count)::bigint, 0 FROM (
    SELECT day, cell, amount, count, 5 + (random() * random() * 40)::int AS wait
    FROM drawn, generate_series(1, count) AS claim WHERE random() < 0.97
) AS answered WHERE day + wait <= {last} GROUP BY day, wait, cell
"""
_SUM: Final = """
CREATE TEMP TABLE summed AS WITH rows AS NOT MATERIALIZED (SELECT * FROM {table} WHERE luck * {one_in} <= 1)
SELECT 0 AS grain, day, known_on, cell, count, amount FROM rows
UNION ALL SELECT 1, day, known_on, coarse, sum(count), sum(amount) FROM rows JOIN coarse_drawn USING (cell)
    GROUP BY day, known_on, coarse
UNION ALL SELECT 2, date_trunc('month', day::timestamp)::date, 'epoch', cell, sum(count), sum(amount) FROM rows
    GROUP BY date_trunc('month', day::timestamp), cell
UNION ALL SELECT 10 + place, day, known_on, narrow, sum(count), sum(amount) FROM rows JOIN narrow_drawn USING (cell)
    WHERE place IN ({places}) GROUP BY place, day, known_on, narrow
"""
_FEW_BY_MONTH: Final = """
INSERT INTO summed SELECT CASE grain WHEN 1 THEN 3 ELSE grain + 30 END, date_trunc('month', day::timestamp)::date, 'epoch', cell,
    sum(count), sum(amount)
FROM summed WHERE grain = 1 OR grain BETWEEN 10 AND 19 GROUP BY grain, date_trunc('month', day::timestamp), cell
"""
_BALANCE: Final = """
INSERT INTO summed SELECT CASE grain WHEN 0 THEN 27 ELSE grain + 10 END, known_on, 'epoch', cell, sum(count), sum(amount)
FROM summed WHERE grain = 0 OR grain BETWEEN 10 AND 18 GROUP BY grain, known_on, cell
"""
_BALANCE_MONTH: Final = """
INSERT INTO summed SELECT grain + 10, date_trunc('month', day::timestamp)::date, 'epoch', cell, sum(count), sum(amount)
FROM summed WHERE grain BETWEEN 20 AND 28 GROUP BY grain, date_trunc('month', day::timestamp), cell
"""
_KEEP: Final = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT $1, grain, measure, day, known_on, cell, count, amount FROM summed, unnest($2::smallint[]) AS asked (measure)
ORDER BY CASE WHEN known_on = 'epoch' THEN day ELSE known_on END, grain, measure, day  -- as they came to be
"""
_LEDGER: Final = """
INSERT INTO ledger_days (tenant_id, day, remits, charge_cents, paid_cents, unbalanced_cents)
SELECT tenant_id, day, sum(count), sum(amount), sum(amount) * 6 / 10, 0 FROM rollups
WHERE grain = 1 AND measure = $1 GROUP BY tenant_id, day
"""
_ADJUSTED: Final = """
INSERT INTO ledger_adjustments (tenant_id, day, group_code, amount_cents)
SELECT tenant_id, day, 'CO', charge_cents - paid_cents FROM ledger_days
"""


def cells(*, with_category: bool = False, with_level: bool = False, with_code: bool = False) -> list[Cell]:
    """Draw who treats whom: each provider sees a few payers' patients with two groups of services."""
    chance = random.Random(8)
    found = []
    for provider in range(PROVIDERS):
        payers = chance.sample(range(PAYERS), 8)
        groups = chance.sample(_GROUPS, 2)
        for payer in payers:
            for group in groups:
                categories = [str(each) for each in range(CATEGORIES)] if with_category else [""]
                levels = ["first", "second"] if with_level else [""]
                facility = f"F{provider % FACILITIES}"
                whose = (f"P{payer}", facility, f"D{provider}", group)
                coder = f"C{provider % CODERS}"
                codes = [f"CO {code}" for code in range(CODES)] if with_code else [""]
                found += [(*whose, each, level, coder, code) for each in categories for level in levels for code in codes]
    chance.shuffle(found)
    return found


async def fill(admin_url: str, facts: int, last: date) -> int:
    """Write the sums of so many facts up to a day; return how many rows they have. As superuser, to whom no policy is applied."""
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction():
            await _fill(connection, int(facts / FACTS_A_CLAIM), last)
        rows: int = await connection.fetchval("SELECT count(*) FROM rollups")
        await connection.execute("VACUUM (ANALYZE) rollups")
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return rows


async def _fill(connection: "asyncpg.Connection[Any]", claims: int, last: date) -> None:
    for setting in ("work_mem = '512MB'", "maintenance_work_mem = '1GB'", "synchronous_commit = off", "jit = off"):
        await connection.execute(f"SET LOCAL {setting}")
    drawn = [
        cells(),
        cells(with_category=True),
        cells(with_category=True, with_level=True),
        cells(with_category=True, with_code=True),
    ]
    named = {cell for each in drawn for cell in each}
    columns = ("tenant_id", "cell", "payer", "facility", "provider", "service_group", "category", "level", "coder", "code")
    narrow = {each for cell in named for _, each in _narrowed(cell)}
    all_cells = [(TENANT, cell_id(cell), *cell) for cell in named | {coarse(cell) for cell in named} | narrow]
    await connection.copy_records_to_table("cells", columns=columns, records=all_cells)
    payers = [(TENANT, f"P{payer}", f"Payer {payer}") for payer in range(PAYERS)]
    await connection.copy_records_to_table("payers", columns=("tenant_id", "payer_id", "payer_name"), records=payers)
    await connection.execute("CREATE TEMP TABLE coarse_drawn (cell bigint PRIMARY KEY, coarse bigint)")
    await connection.copy_records_to_table("coarse_drawn", records=[(cell_id(cell), cell_id(coarse(cell))) for cell in named])
    await connection.execute("CREATE TEMP TABLE narrow_drawn (cell bigint, place smallint, narrow bigint)")
    pairs = [(cell_id(cell), place, cell_id(each)) for cell in named for place, each in _narrowed(cell)]
    await connection.copy_records_to_table("narrow_drawn", records=pairs)
    await connection.execute("ANALYZE coarse_drawn; ANALYZE narrow_drawn")
    await connection.execute("ALTER TABLE rollups DROP CONSTRAINT rollups_pkey")  # made of what is there, it is made faster
    plain, refused, appealed, coded = drawn
    await _draw(connection, plain, claims, last, lag="0")
    await _keep(connection, "drawn", _SUBMITTED)
    await connection.execute(_OPEN.format(last=_quoted(last)))
    await _keep(connection, "opened", {1: ("outstanding",)}, balance=True)
    await _draw(connection, plain, claims, last)
    await _keep(connection, "drawn", _PAID)
    await _draw(connection, refused, claims // _DENIED_ONE_IN, last)
    await _keep(connection, "drawn", _DENIED)
    await _draw(connection, coded, claims // _DENIED_ONE_IN, last)
    await _keep(connection, "drawn", _CODED)
    await _draw(connection, appealed, claims // _APPEALED_ONE_IN, last)
    await _keep(connection, "drawn", _APPEALED)
    await connection.execute("ALTER TABLE rollups ADD PRIMARY KEY (tenant_id, grain, measure, day, known_on, cell)")
    await connection.execute(_LEDGER, MEASURES["standing"][0])
    await connection.execute(_ADJUSTED)


def _narrowed(cell: Cell) -> set[tuple[int, Cell]]:
    return {each for measure in _ALL_APART for each in narrowed(cell, measure)}


def _quoted(day: date) -> str:
    return f"'{day.isoformat()}'::date"


async def _draw(connection: "asyncpg.Connection[Any]", among: Sequence[Cell], claims: int, last: date, *, lag: str = "lag") -> None:
    """Draw claims: those cells that come first see most of them."""
    await connection.execute("DROP TABLE IF EXISTS drawn, cells_drawn")
    await connection.execute("CREATE TEMP TABLE cells_drawn (place integer PRIMARY KEY, cell bigint)")
    places = [(place, cell_id(cell)) for place, cell in enumerate(among)]
    await connection.copy_records_to_table("cells_drawn", records=places)
    # CREATE TABLE takes no parameters
    await connection.execute(_DRAW.format(days=DAYS, lag=lag, last=_quoted(last), claims=claims, places=len(among) - 1))
    await connection.execute("ANALYZE drawn")


async def _keep(
    connection: "asyncpg.Connection[Any]", table: str, alike: Mapping[int, Sequence[str]], *, balance: bool = False
) -> None:
    """Add what was drawn up in every grain, and keep it for each measure."""
    for one_in, measures in alike.items():
        places = ", ".join(str(PLACES[each]) for each in MEASURES[measures[0]][1])
        await connection.execute(_SUM.format(table=table, one_in=one_in, places=f"0, {places}"))
        for each in (_FEW_BY_MONTH, _BALANCE, _BALANCE_MONTH) if balance else (_FEW_BY_MONTH,):
            await connection.execute(each)
        await connection.execute(_KEEP, TENANT, [MEASURES[each][0] for each in measures])
        await connection.execute("DROP TABLE summed")
