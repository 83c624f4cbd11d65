"""What is read of the sums: a measure over a period of days, as it was known on a day, by groups and through filters."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics.facts import Fact, decode
from services.analytics.facts.measures import DIMENSIONS, MEASURES, PLACES, Grain, cell_id, narrow
from services.analytics.kpis import Groups
from services.analytics.parts import Part, of_days, of_state

GROUPS_MAX: Final = 10_000
CALENDAR: Final = ("day", "week", "month", "quarter", "year")
_BY_DAY: Final = frozenset({"day", "week"})
_ROWS_SEEN: Final = 300_000
_NAMED: Final = "cells.tenant_id = $1 AND cells.cell = summed.cell"


class TooManyGroups(Exception):  # noqa: N818 - says what is wrong
    """More groups than anybody reads."""


Filters = tuple[bool, tuple[tuple[str, tuple[str, ...]], ...]]  # whether of codes, and by dimension what fits
Fitting = list[tuple[int, str, str]]  # cell, category, level
Branch = tuple[Part, Sequence[int], Sequence[int] | None]  # measures, cells; None: of all cells


class Asked(Struct, frozen=True):
    """What to sum: days from `first` to `last`, of what was known on `as_of`; None: open, and all that is known.

    `group_by`: dimensions and words of the calendar. `filters`: by dimension, the values of which one has to fit. `fitting`: the
    cells that fit, looked up once for all that is asked of them in a transaction: what is derived from this by `replace` keeps it.
    """

    tenant_id: str
    first: date | None = None
    last: date | None = None
    as_of: date | None = None
    group_by: tuple[str, ...] = ()
    filters: Mapping[str, Sequence[str]] = {}
    fitting: dict[Filters, Fitting] = {}


async def sums(tx: AsyncConnection, asked: Asked, measure: str) -> Groups:
    """Return (count, amount) by the values of `group_by`, in its order.

    What the measure does not tell apart groups and filters nothing: there is no category of what was not denied.
    Errors: TooManyGroups.
    """
    return (await sums_of(tx, asked, (measure,)))[measure]


async def sums_of(tx: AsyncConnection, asked: Asked, measures: Iterable[str]) -> dict[str, Groups]:
    """Return the sums of several measures, in as few statements as what they tell apart allows."""
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for measure in dict.fromkeys(measures):
        told_apart = MEASURES[measure][1]
        groups = tuple(each for each in asked.group_by if each in CALENDAR or each in told_apart)
        filters = tuple(name for name in asked.filters if name in told_apart)
        alike.setdefault((groups, filters), []).append(measure)
    found: dict[str, Groups] = {}
    for (groups, filters), some in alike.items():
        through = {name: asked.filters[name] for name in filters}
        dimensions = frozenset({*groups, *filters}) - {*CALENDAR}
        by_day = not _BY_DAY.isdisjoint(groups)
        parts = of_days(dimensions, asked.first, asked.last, asked.as_of, by_day=by_day, filtered=bool(through))
        found |= await _read(tx, replace(asked, group_by=groups, filters=through), some, parts)
    return found


async def balance(tx: AsyncConnection, asked: Asked, measure: str, evening: date) -> Groups:
    """Return a state as it was known on an evening: of what began by then, since nothing is known before it begins."""
    told_apart = MEASURES[measure][1]
    groups = tuple(each for each in asked.group_by if each in told_apart)
    filters = {name: told for name, told in asked.filters.items() if name in told_apart}
    told = replace(asked, first=None, last=evening, as_of=None, group_by=groups, filters=filters)
    return (await _read(tx, told, [measure], of_state(frozenset({*groups, *filters}), evening)))[measure]


class _Given:
    """The values of a statement; each is named as it is given."""

    def __init__(self, *values: Any) -> None:
        self.values = list(values)

    def __call__(self, value: Any, kind: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


async def _read(tx: AsyncConnection, asked: Asked, measures: Sequence[str], parts: Iterable[Part]) -> dict[str, Groups]:
    """Sum measures that tell all of the groups and filters apart."""
    names = {MEASURES[measure][0]: measure for measure in measures}
    branches, given = await _branches(tx, asked, names, parts), _Given(asked.tenant_id)
    days = any(each in CALENDAR for each in asked.group_by)
    dimensions = [each for each in asked.group_by if each in DIMENSIONS]
    limit = GROUPS_MAX * len(names)
    if len(dimensions) > 1 and not _BY_DAY.isdisjoint(asked.group_by) and await _groups_seen(tx, asked, branches) > GROUPS_MAX:
        raise TooManyGroups
    inner = ["measure", *(["day"] if days else []), *(["cell"] if dimensions else [])]
    selected = " UNION ALL ".join(
        f"SELECT {', '.join(inner)}, {part.sign} * sum(count)::bigint AS count, {part.sign} * sum(amount)::bigint AS amount"  # noqa: S608 - names are ours
        f" FROM rollups WHERE {' AND '.join(_where(part, some, cells, given))} GROUP BY {', '.join(inner)}"
        for part, some, cells in branches
    )
    keys = [_key(each) for each in asked.group_by]
    # Words are looked up for each sum, of which there are few, unless days or several dimensions make them many: the planner
    # expects many either way.
    looked_up = f" CROSS JOIN LATERAL (SELECT * FROM cells WHERE {_NAMED} OFFSET 0) AS named"  # noqa: S608 - names are ours
    are_many = days or (len(dimensions) > 1 and not asked.filters)
    named = f" JOIN cells ON {_NAMED}" if are_many else looked_up
    query = (
        f"SELECT measure, {''.join(f'{key}, ' for key in keys)} sum(count)::bigint, sum(amount)::bigint"  # noqa: S608 - as above
        f" FROM ({selected}) AS summed{named if dimensions else ''}"
        f" GROUP BY {', '.join(['measure', *keys])} HAVING sum(count) <> 0 OR sum(amount) <> 0 LIMIT {limit + 1}"
    )
    found: dict[str, dict[tuple[str, ...], tuple[int, int]]] = {measure: {} for measure in measures}
    for number, *key, count, amount in await (await driver(tx)).fetch(query, *given.values):
        found[names[number]][tuple(key)] = (count, amount)
    if any(len(groups) > GROUPS_MAX for groups in found.values()) or sum(map(len, found.values())) > limit:
        raise TooManyGroups
    return dict(found)


async def _groups_seen(tx: AsyncConnection, asked: Asked, branches: Sequence[Branch]) -> int:
    """Return how many groups of a measure the first rows have. Sums by day and several dimensions over years are made of millions
    of rows before the first of them is seen, and then they are too many.
    """
    given = _Given(asked.tenant_id)
    rows = " UNION ALL ".join(
        f"(SELECT measure, day, cell FROM rollups WHERE {' AND '.join(_where(part, some, cells, given))} LIMIT {_ROWS_SEEN})"  # noqa: S608 - names are ours
        for part, some, cells in branches
    )
    keys = ", ".join(_key(each) for each in asked.group_by)
    apart = f"SELECT DISTINCT measure, {keys} FROM ({rows}) AS summed JOIN cells ON {_NAMED}"  # noqa: S608 - as above
    query = f"SELECT coalesce(max(count), 0) FROM (SELECT count(*) FROM ({apart}) AS told GROUP BY measure) AS counted"  # noqa: S608 - as above
    seen: int = await (await driver(tx)).fetchval(query, *given.values)
    return seen


async def _branches(tx: AsyncConnection, asked: Asked, names: Mapping[int, str], parts: Iterable[Part]) -> list[Branch]:
    """Return what to read of which part: through filters, of each measure the cells that it can have."""
    if not asked.filters:
        return [(part, list(names), None) for part in parts]
    found: list[Branch] = []
    alike: dict[frozenset[str], list[int]] = {}
    for number, measure in names.items():
        alike.setdefault(MEASURES[measure][1], []).append(number)
    for part in parts:
        if _is_narrow(part):
            ((name, told),) = asked.filters.items()
            found.append((part, list(names), [cell_id(narrow(name, value)) for value in told]))
        else:
            for told_apart, some in alike.items():
                fitting = await _fitting(tx, asked, coded="code" in told_apart)
                found.append((part, some, _cells_of(fitting, told_apart)))
    return found


def _is_narrow(part: Part) -> bool:
    return part.grain >= Grain.NARROW and part.grain % 10 != Grain.ALL


async def _fitting(tx: AsyncConnection, asked: Asked, *, coded: bool) -> Fitting:
    """Return the cells that fit the filters: those of codes, or those without one, in which nearly all measures are."""
    key = (coded, tuple((name, tuple(told)) for name, told in asked.filters.items()))
    if key not in asked.fitting:
        fits = " AND ".join(f"{name} = ANY(${place}::text[])" for place, name in enumerate(asked.filters, start=2))
        of = "code <> ''" if coded else "code = ''"
        query = f"SELECT cell, category, level FROM cells WHERE tenant_id = $1 AND {of} AND {fits}"  # noqa: S608 - names are ours
        rows = await (await driver(tx)).fetch(query, asked.tenant_id, *map(list, asked.filters.values()))
        asked.fitting[key] = [(row["cell"], row["category"], row["level"]) for row in rows]
    return asked.fitting[key]


def _cells_of(fitting: Fitting, told_apart: frozenset[str]) -> list[int]:
    """Return the cells that a measure can have: what it does not tell apart is empty in them."""
    by_category, by_level = "category" in told_apart, "level" in told_apart
    return [cell for cell, category, level in fitting if (by_category or not category) and (by_level or not level)]


def _where(part: Part, some: Sequence[int], cells: Sequence[int] | None, given: Callable[[Any, str], str]) -> list[str]:
    where = ["tenant_id = $1", f"grain = {part.grain}", f"measure = ANY({given(some, 'smallint[]')})"]
    where += [f"day >= {given(part.first, 'date')}"] if part.first else []
    where += [f"day <= {given(part.last, 'date')}"] if part.last else []
    where += [f"known_on <= {given(part.known_by, 'date')}"] if part.known_by else []
    where += [f"known_on > {given(part.known_after, 'date')}"] if part.known_after else []
    # An array, since the index is then searched for its cells: rows of others are not looked at.
    where += [f"cell = ANY({given(cells, 'bigint[]')})"] if cells is not None else []
    return where


def _key(word: str) -> str:
    """Return what groups are told apart by: a dimension, or days by a word of the calendar."""
    if word not in CALENDAR:
        return word
    return "day::text" if word == "day" else f"date_trunc('{word}', day::timestamp)::date::text"


_MARK: Final = """
SELECT bit_xor(hashtextextended(concat_ws(' ', grain, measure, day, cell, count, amount), 0))::text FROM rollups
WHERE tenant_id = $1 AND grain = ANY($2::smallint[])
"""
_MARKED: Final = (Grain.NARROW_MONTH, Grain.NARROW_MONTH + PLACES["payer"], Grain.NARROW_MONTH + PLACES["category"])


async def mark(tx: AsyncConnection, tenant_id: str) -> str:
    """Return a mark that is another one when the tenant's sums have moved: of their months, by payer and category."""
    found: str | None = await (await driver(tx)).fetchval(_MARK, tenant_id, list(_MARKED))
    return found or "0"


async def payer_names(tx: AsyncConnection, tenant_id: str) -> dict[str, str]:
    """Return payers' names by their ids."""
    rows = await (await driver(tx)).fetch("SELECT payer_id, payer_name FROM payers WHERE tenant_id = $1", tenant_id)
    return {row["payer_id"]: row["payer_name"] for row in rows}


_CHUNK: Final = 2_000


async def accounts(
    tx: AsyncConnection, tenant_id: str, *, with_denials: bool = False
) -> AsyncIterator[list[tuple[UUID, list[Fact]]]]:
    """Yield accounts with all their facts, some thousands at a time; `with_denials`: those alone that have one."""
    denied = " AND claim_key IN (SELECT claim_key FROM facts WHERE tenant_id = $1 AND kind = 'denial')" if with_denials else ""
    query = f"SELECT claim_key, told FROM facts WHERE tenant_id = $1{denied} ORDER BY claim_key, place"  # noqa: S608 - ours
    cursor = await (await driver(tx)).cursor(query, tenant_id)
    held: list[tuple[UUID, list[Fact]]] = []
    while rows := await cursor.fetch(_CHUNK):
        for key, told in groupby(rows, lambda row: row["claim_key"]):
            facts = [decode(row["told"]) for row in told]
            if held and held[-1][0] == key:
                held[-1][1].extend(facts)
            else:
                held.append((key, facts))
        yield held[:-1]
        held = held[-1:]
    yield held


async def all_sums(tx: AsyncConnection, tenant_id: str) -> AsyncIterator[tuple[tuple[Any, ...], tuple[int, int]]]:
    """Yield the rows of the sums: (grain, measure, day, known_on, cell), (count, amount); those of zero are left out."""
    query = (
        "SELECT grain, measure, day, known_on, cell, count, amount FROM rollups"
        " WHERE tenant_id = $1 AND (count <> 0 OR amount <> 0)"
    )
    cursor = await (await driver(tx)).cursor(query, tenant_id)
    while rows := await cursor.fetch(_CHUNK):
        for row in rows:
            told = tuple(row)
            yield told[:5], told[5:]


async def raw_facts(tx: AsyncConnection, tenant_id: str) -> AsyncIterator[list[tuple[str, int, str, str]]]:
    """Yield facts as they are kept: (claim key, place, kind, JSON), some thousands at a time."""
    query = "SELECT claim_key, place, kind, told FROM facts WHERE tenant_id = $1 ORDER BY claim_key, place"
    cursor = await (await driver(tx)).cursor(query, tenant_id)
    while rows := await cursor.fetch(_CHUNK):
        yield [(str(row["claim_key"]), row["place"], row["kind"], row["told"].decode()) for row in rows]
