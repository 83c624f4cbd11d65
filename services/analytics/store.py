"""Analytics' SQL: facts in, sums out; nothing here commits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics.facts import Fact, decode, encode
from services.analytics.facts.measures import ALWAYS, CHARTED, MEASURES, STOCKS, Cell, Grain, cell_id, coarse, narrowed
from services.analytics.facts.points import JournalKey

Account = tuple[str, UUID]  # tenant, claim key
Row = tuple[str, int, int, date, date, int]  # of the sums: their key

# Each account by itself: asked first while the table is nearly empty, a join would read it all, and its plan stays while it fills.
_KNOWN: Final = """
SELECT tenant, key, told FROM unnest($1::text[], $2::uuid[]) AS asked (tenant, key)
CROSS JOIN LATERAL (SELECT place, told FROM facts WHERE tenant_id = tenant AND claim_key = key OFFSET 0) AS known
ORDER BY tenant, key, place
"""
# Whoever takes events in holds it until the commit, so that a day ends before all of a batch or after it.
_HOLD_DAYS: Final = "SELECT pg_advisory_xact_lock_shared(hashtextextended('analytics days', 0))"
_LOCK_DAYS: Final = "SELECT pg_advisory_xact_lock(hashtextextended('analytics days', 0))"
_THROUGH: Final = "SELECT through FROM days_ended"
_END_DAYS: Final = """
INSERT INTO days_ended (through) VALUES ($1)
ON CONFLICT (only_row) DO UPDATE SET through = excluded.through WHERE days_ended.through < excluded.through
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('analytics rollups', 0))"
_CELLS: Final = """
INSERT INTO cells (tenant_id, cell, payer, facility, provider, service_group, category, level, coder, code)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[])
ON CONFLICT DO NOTHING
"""
_RIGHT: Final = """
INSERT INTO cells (tenant_id, cell, payer, facility, provider, service_group, category, level, coder, code)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[])
ON CONFLICT (tenant_id, cell) DO UPDATE SET payer = excluded.payer, facility = excluded.facility, provider = excluded.provider,
    service_group = excluded.service_group, category = excluded.category, level = excluded.level, coder = excluded.coder,
    code = excluded.code
"""
_LOST: Final = """
SELECT asked.tenant_id, asked.cell, there.cell IS NOT NULL AS is_there
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[]) AS asked (tenant_id, cell, payer, facility, provider, service_group, category, level, coder, code)
LEFT JOIN cells AS there ON there.tenant_id = asked.tenant_id AND there.cell = asked.cell
WHERE there.cell IS NULL OR (there.payer, there.facility, there.provider, there.service_group, there.category, there.level,
    there.coder, there.code) IS DISTINCT FROM (asked.payer, asked.facility, asked.provider, asked.service_group, asked.category,
    asked.level, asked.coder, asked.code)
"""
_CELLS_AT_ONCE: Final = 10_000
_ADD: Final = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::smallint[], $4::date[], $5::date[], $6::bigint[], $7::bigint[], $8::bigint[])
ON CONFLICT (tenant_id, grain, measure, day, known_on, cell) DO UPDATE SET
    count = rollups.count + excluded.count, amount = rollups.amount + excluded.amount
"""
_NAME: Final = """
INSERT INTO payers (tenant_id, payer_id, payer_name)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS told (tenant, payer, name)
WHERE NOT EXISTS (SELECT FROM payers WHERE tenant_id = tenant AND payer_id = payer AND payer_name >= name)
ON CONFLICT (tenant_id, payer_id) DO UPDATE SET payer_name = excluded.payer_name WHERE payers.payer_name < excluded.payer_name
"""


async def ended_through(tx: AsyncConnection) -> date | None:
    """Return the last day that has ended: all that was told of it was taken in, and what comes now is known later. None: no day."""
    through: date | None = await (await driver(tx)).fetchval(_THROUGH)
    return through


async def hold_days(tx: AsyncConnection) -> date | None:
    """Return the last day that has ended, and let no other end before this transaction does."""
    await (await driver(tx)).execute(_HOLD_DAYS)
    return await ended_through(tx)


async def end_days(tx: AsyncConnection, through: date) -> None:
    """End all days up to one, when whoever takes events in is done."""
    connection = await driver(tx)
    await connection.execute(_LOCK_DAYS)
    await connection.execute(_END_DAYS, through)


async def facts_of(tx: AsyncConnection, accounts: Collection[Account]) -> dict[Account, list[Fact]]:
    """Return the facts of those accounts that have some, in the order in which they came."""
    known: dict[Account, list[Fact]] = {}
    for row in await (await driver(tx)).fetch(_KNOWN, *_columns(accounts)):
        known.setdefault((row["tenant"], row["key"]), []).append(decode(row["told"]))
    return known


def _order(account: Account) -> tuple[str, int]:
    return account[0], account[1].int


async def append(tx: AsyncConnection, facts: Mapping[Account, Sequence[Fact]], known: Mapping[Account, Sequence[Fact]]) -> bool:
    """Write facts behind those that are known; False when another transaction wrote to one of the accounts meanwhile."""
    connection = await driver(tx)
    rows = [
        (*account, place, type(fact).__struct_config__.tag, encode(fact))
        for account in sorted(facts, key=_order)  # one order for all: workers that meet here wait, and do not deadlock
        for place, fact in enumerate(facts[account], start=len(known.get(account, ())))
    ]
    try:
        async with connection.transaction():
            await connection.copy_records_to_table(
                "facts", columns=("tenant_id", "claim_key", "place", "kind", "told"), records=rows
            )  # fmt: skip
    except asyncpg.UniqueViolationError:
        return False
    return True


Deltas = Mapping[str, Mapping[JournalKey, Sequence[int]]]  # by tenant


def rows_of(deltas: Deltas) -> tuple[dict[Row, list[int]], dict[tuple[str, int], Cell]]:
    """Return the sums' rows that deltas come to, in every grain, and the cells that they name."""
    rows: dict[Row, list[int]] = {}
    cells: dict[tuple[str, int], Cell] = {}
    for tenant_id, journal in deltas.items():
        for (measure, day, known_on, cell), (count, amount) in journal.items():
            if not count and not amount:
                continue
            number = MEASURES[measure][0]
            for grain, named, summed in _cells_of(cell, measure):
                cells[tenant_id, named] = summed
                row = (tenant_id, grain, number, *_days(grain, day, known_on), named)
                sums = rows.get(row)
                if sums is None:
                    rows[row] = [count, amount]
                else:
                    sums[0] += count
                    sums[1] += amount
    return rows, cells


@lru_cache(maxsize=65_536)
def _cells_of(cell: Cell, measure: str) -> tuple[tuple[int, int, Cell], ...]:
    """Return in which sums a cell counts: (grain, number of the cell there, that cell)."""
    narrow = narrowed(cell, measure)
    found = [(grain, cell) for grain in (Grain.DAY, Grain.MONTH)]
    found += [(grain, coarse(cell)) for grain in (Grain.COARSE, Grain.COARSE_MONTH)]
    found += [(of + place, summed) for place, summed in narrow for of in (Grain.NARROW, Grain.NARROW_MONTH)]
    if measure in STOCKS:
        found += [
            (of + place, summed) for place, summed in [*narrow, (Grain.ALL, cell)] for of in (Grain.BALANCE, Grain.BALANCE_MONTH)
        ]
    return tuple((grain, cell_id(summed), summed) for grain, summed in found)


def _days(grain: int, day: date, known_on: date) -> tuple[date, date]:
    """Return by which days a grain keeps what is of a day and became known on another."""
    if grain in (Grain.MONTH, Grain.COARSE_MONTH) or grain >= Grain.NARROW_MONTH:
        return day.replace(day=1), ALWAYS
    if grain >= Grain.BALANCE_MONTH:
        return known_on.replace(day=1), ALWAYS
    return (known_on, ALWAYS) if grain >= Grain.BALANCE else (day, known_on)


async def add(tx: AsyncConnection, deltas: Deltas) -> None:
    """Add to the sums, in one statement however many facts. Held until the commit: last in a transaction, with the ledger."""
    await add_rows(tx, *rows_of(deltas))


async def add_rows(tx: AsyncConnection, rows: Mapping[Row, Sequence[int]], cells: Mapping[tuple[str, int], Cell]) -> None:
    """Add to the sums' rows, and name the cells."""
    rows = {row: sums for row, sums in rows.items() if any(sums)}
    if not rows:
        return
    connection = await driver(tx)
    await lock(tx)
    if cells:
        await connection.execute(_CELLS, *_columns((*key, *cell) for key, cell in sorted(cells.items())))
    await connection.execute(_ADD, *_columns((*key, *sums) for key, sums in sorted(rows.items())))
    charted = {(row[0], row[5]) for row in rows if row[1] == Grain.COARSE and row[2] in _CHARTED}
    if charted:
        await connection.execute(_MOVED, *_columns(sorted(charted)))


async def lost_cells(tx: AsyncConnection, cells: Mapping[tuple[str, int], Cell]) -> dict[tuple[str, int], bool]:
    """Return which of some cells stand nowhere (False), or with other words than their number says (True)."""
    connection, asked = await driver(tx), [(*key, *cell) for key, cell in cells.items()]
    found: dict[tuple[str, int], bool] = {}
    for first in range(0, len(asked), _CELLS_AT_ONCE):
        for row in await connection.fetch(_LOST, *_columns(asked[first : first + _CELLS_AT_ONCE])):
            found[row["tenant_id"], row["cell"]] = row["is_there"]
    return found


async def name_cells(tx: AsyncConnection, cells: Mapping[tuple[str, int], Cell]) -> None:
    """Write what cells say, over whatever stands there."""
    await lock(tx)
    await (await driver(tx)).execute(_RIGHT, *_columns((*key, *cell) for key, cell in sorted(cells.items())))


# Whose charts are to be looked at: what they are made of has moved (alerts/scan.py).
_CHARTED: Final = frozenset(MEASURES[each][0] for each in CHARTED)
_MOVED: Final = """
INSERT INTO alert_marks AS marks (tenant_id, payer_id, moved)
SELECT DISTINCT tenant_id, payer, 1 FROM unnest($1::text[], $2::bigint[]) AS told (tenant_id, cell)
    JOIN cells USING (tenant_id, cell)
ORDER BY tenant_id, payer
ON CONFLICT (tenant_id, payer_id) DO UPDATE SET moved = marks.moved + 1
"""


async def lock(tx: AsyncConnection) -> None:
    """Wait for everybody else who writes what is everybody's: a day's row, a word.

    A transaction may come here several times, so no order of rows would keep workers apart.
    """
    await (await driver(tx)).execute(_LOCK)


async def name_payers(tx: AsyncConnection, names: Mapping[tuple[str, str], str]) -> None:
    """Keep payers' names; of several, the last in the alphabet, whatever the order of arrival."""
    if names:
        await (await driver(tx)).execute(_NAME, *_columns((*key, name) for key, name in sorted(names.items())))


def _columns(rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True))
