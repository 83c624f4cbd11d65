"""What is read of the sums: a measure over a period of days, as it was known on a day, by groups and through filters."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics.facts import Fact, decode
from services.analytics.facts.measures import DIMENSIONS, MEASURES, Grain, cell_id, narrow
from services.analytics.kpis import Groups

GROUPS_MAX: Final = 10_000
CALENDAR: Final = ("day", "week", "month", "quarter", "year")
_COARSE: Final = frozenset({"payer", "category", "level"})
_NEVER: Final = 10_000_000
# From so many days on months are read beside days. They are kept by all dimensions: sums by few have fewer rows a month anyway.
_MONTHS_FROM_DAYS: Final = {Grain.DAY: 28, Grain.NARROW + 1 + DIMENSIONS.index("provider"): 365}


class TooManyGroups(Exception):  # noqa: N818 - says what is wrong
    """More groups than anybody reads."""


class Asked(Struct, frozen=True):
    """What to sum: days from `first` to `last`, of what was known on `as_of`; None: open, and all that is known.

    `group_by`: dimensions and words of the calendar. `filters`: by dimension, the values of which one has to fit.
    """

    tenant_id: str
    first: date | None = None
    last: date | None = None
    as_of: date | None = None
    group_by: tuple[str, ...] = ()
    filters: Mapping[str, Sequence[str]] = {}


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
        found |= await _read(tx, replace(asked, group_by=groups, filters=through), some)
    return found


async def balance(tx: AsyncConnection, asked: Asked, measure: str, evening: date) -> Groups:
    """Return a state as it was known on an evening: of what began by then, since nothing is known before it begins."""
    told_apart = MEASURES[measure][1]
    groups = tuple(each for each in asked.group_by if each in told_apart)
    filters = {name: told for name, told in asked.filters.items() if name in told_apart}
    told = Asked(asked.tenant_id, None, evening, None, groups, filters)
    dimensions = {*groups, *filters}
    place = _place(dimensions) if len(dimensions) <= 1 else Grain.ALL
    after = _month_of(evening)
    parts = [_Part(Grain.BALANCE_MONTH + place, None, after - timedelta(days=1))] if after > date.min else []
    parts += [_Part(Grain.BALANCE + place, after, evening)] if after <= evening else []
    return (await _read(tx, told, [measure], parts))[measure]


class _Part(Struct, frozen=True):
    """Some of the days, and the sums that answer for them."""

    grain: int
    first: date | None
    last: date | None


async def _read(
    tx: AsyncConnection, asked: Asked, measures: Sequence[str], parts: Sequence[_Part] | None = None
) -> dict[str, Groups]:
    """Sum measures that tell all of the groups and filters apart."""
    names = {MEASURES[measure][0]: measure for measure in measures}
    values: list[Any] = [asked.tenant_id, list(names)]

    def given(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    days = any(each in CALENDAR for each in asked.group_by)
    dimensions = [each for each in asked.group_by if each in DIMENSIONS]
    inner = ["measure", *(["day"] if days else []), *(["cell"] if dimensions else [])]
    selected = " UNION ALL ".join(
        f"SELECT {', '.join(inner)}, sum(count) AS count, sum(amount) AS amount FROM rollups"  # noqa: S608 - names are ours
        f" WHERE {' AND '.join(_where(part, asked, given))} GROUP BY {', '.join(inner)}"
        for part in (parts if parts is not None else _parts(asked))
    )
    keys = [_calendar(each) if each in CALENDAR else each for each in asked.group_by]
    # Words are looked up for each sum, of which there are few, unless days make them many: the planner expects many either way.
    fits = "cells.tenant_id = $1 AND cells.cell = summed.cell"
    looked_up = f" CROSS JOIN LATERAL (SELECT * FROM cells WHERE {fits} OFFSET 0) AS named"  # noqa: S608 - names are ours
    named = f" JOIN cells ON {fits}" if days else looked_up
    limit = GROUPS_MAX * len(names) + 1
    query = (
        f"SELECT measure, {''.join(f'{key}, ' for key in keys)} sum(count)::bigint, sum(amount)::bigint"  # noqa: S608 - as above
        f" FROM ({selected}) AS summed{named if dimensions else ''}"
        f" GROUP BY {', '.join(['measure', *keys])} LIMIT {limit}"
    )
    found: dict[str, dict[tuple[str, ...], tuple[int, int]]] = {measure: {} for measure in measures}
    for number, *key, count, amount in await (await driver(tx)).fetch(query, *values):
        found[names[number]][tuple(key)] = (count, amount)
    if any(len(groups) > GROUPS_MAX for groups in found.values()) or sum(map(len, found.values())) == limit:
        raise TooManyGroups
    return {measure: {key: told for key, told in groups.items() if any(told)} for measure, groups in found.items()}


def _where(part: _Part, asked: Asked, given: Callable[[Any, str], str]) -> list[str]:
    where = ["tenant_id = $1", f"grain = {part.grain}", "measure = ANY($2::smallint[])"]
    where += [f"day >= {given(part.first, 'date')}"] if part.first else []
    where += [f"day <= {given(part.last, 'date')}"] if part.last else []
    where += [f"known_on <= {given(asked.as_of, 'date')}"] if asked.as_of else []
    if asked.filters and part.grain >= Grain.NARROW and part.grain % 10 != Grain.ALL:
        ((name, told),) = asked.filters.items()
        named = [cell_id(narrow(_place([name]), value)) for value in told]
        where.append(f"cell = ANY({given(named, 'bigint[]')})")
    elif asked.filters:
        fits = " AND ".join(f"{name} = ANY({given(list(told), 'text[]')})" for name, told in asked.filters.items())
        where.append(f"cell IN (SELECT cell FROM cells WHERE tenant_id = $1 AND {fits})")  # noqa: S608 - names are ours
    return where


def _parts(asked: Asked) -> list[_Part]:
    """Say which sums answer it with the fewest rows: of a long time, those of months, and of days where it begins and ends."""
    dimensions = {each for each in (*asked.group_by, *asked.filters) if each in DIMENSIONS}
    several = Grain.COARSE if dimensions <= _COARSE else Grain.DAY
    days = several if len(dimensions) > 1 else Grain.NARROW + _place(dimensions)
    whole = [_Part(days, asked.first, asked.last)]
    if asked.as_of is not None or {"day", "week"} & set(asked.group_by):
        return whole
    first = date.min if asked.first is None else _month_from(asked.first)
    after = date.max if asked.last is None else _month_of(asked.last)  # the first day that is in no whole month of it
    if (after - first).days < _MONTHS_FROM_DAYS.get(days, _NEVER):
        return whole
    edges = [] if asked.first in (None, first) else [_Part(days, asked.first, first - timedelta(days=1))]
    edges += [] if asked.last is None or asked.last < after else [_Part(days, after, asked.last)]
    until = None if asked.last is None else after - timedelta(days=1)
    return [_Part(Grain.MONTH, asked.first and first, until), *edges]


def _month_from(day: date) -> date:
    """Return the first of the first month that begins on a day or after it."""
    if day.day == 1 or (day.year, day.month) == (date.max.year, date.max.month):
        return day
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _month_of(day: date) -> date:
    """Return the first of the month that a day is in, or that begins with the next day."""
    tomorrow = day + timedelta(days=1) if day < date.max else day
    return tomorrow.replace(day=1)


def _place(dimensions: Iterable[str]) -> int:
    """Return the place of the one dimension that sums are kept by, beginning with 1; 0: there is none."""
    return next((DIMENSIONS.index(each) + 1 for each in dimensions), 0)


def _calendar(word: str) -> str:
    return "day::text" if word == "day" else f"date_trunc('{word}', day::timestamp)::date::text"


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


async def freeze(tx: AsyncConnection, tenant_id: str | None = None) -> None:
    """Let the transaction see one moment alone, and of it one tenant, if told. First in it: it is begun without a tenant;
    without writing, so that no relay waits for it.
    """
    connection = await driver(tx)
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    if tenant_id is not None:
        await connection.execute("SELECT set_config('recours.tenant', $1, true)", tenant_id)


async def raw_facts(tx: AsyncConnection, tenant_id: str) -> AsyncIterator[list[tuple[str, int, str, str]]]:
    """Yield facts as they are kept: (claim key, place, kind, JSON), some thousands at a time."""
    query = "SELECT claim_key, place, kind, told FROM facts WHERE tenant_id = $1 ORDER BY claim_key, place"
    cursor = await (await driver(tx)).cursor(query, tenant_id)
    while rows := await cursor.fetch(_CHUNK):
        yield [(str(row["claim_key"]), row["place"], row["kind"], row["told"].decode()) for row in rows]
