"""What is read of the sums: a measure over a period of days, as it was known on a day, by groups and through filters."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics.facts import Fact, decode
from services.analytics.facts.measures import DIMENSIONS, MEASURES, Grain
from services.analytics.kpis import Groups

GROUPS_MAX: Final = 10_000
CALENDAR: Final = ("day", "week", "month", "quarter", "year")
_COARSE: Final = frozenset({"payer", "category", "level"})


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
    number, told_apart = MEASURES[measure]
    groups = [each for each in asked.group_by if each in CALENDAR or each in told_apart]
    filters = {name: values for name, values in asked.filters.items() if name in told_apart}
    cells = {name for name in (*groups, *filters) if name in DIMENSIONS}
    values: list[Any] = [asked.tenant_id, _grain(asked, groups, cells), number]

    def given(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    where = ["tenant_id = $1", "grain = $2", "measure = $3"]
    where += [f"day >= {given(asked.first, 'date')}"] if asked.first else []
    where += [f"day <= {given(asked.last, 'date')}"] if asked.last else []
    where += [f"known_on <= {given(asked.as_of, 'date')}"] if asked.as_of else []
    where += [f"{name} = ANY({given(list(told), 'text[]')})" for name, told in filters.items()]
    keys = [_calendar(each) if each in CALENDAR else each for each in groups]
    limit = f" GROUP BY {', '.join(keys)} LIMIT {GROUPS_MAX + 1}" if keys else ""
    query = (
        f"SELECT {''.join(f'{key}, ' for key in keys)}"  # noqa: S608 - names are ours
        f" COALESCE(sum(count), 0)::bigint, COALESCE(sum(amount), 0)::bigint"
        f" FROM rollups{' JOIN cells USING (tenant_id, cell)' if cells else ''} WHERE {' AND '.join(where)}{limit}"
    )
    rows = await (await driver(tx)).fetch(query, *values)
    if len(rows) > GROUPS_MAX:
        raise TooManyGroups
    return {tuple(row)[:-2]: (row[-2], row[-1]) for row in rows if row[-2] or row[-1]}


def _grain(asked: Asked, groups: Sequence[str], cells: set[str]) -> int:
    """Say which sums answer it with the fewest rows."""
    if cells <= _COARSE:
        return Grain.COARSE
    whole_months = (asked.first is None or asked.first.day == 1) and (
        asked.last is None or (asked.last < date.max and (asked.last + timedelta(days=1)).day == 1)
    )
    return Grain.MONTH if whole_months and asked.as_of is None and not {"day", "week"} & set(groups) else Grain.DAY


def _calendar(word: str) -> str:
    return "day::text" if word == "day" else f"date_trunc('{word}', day)::date::text"


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
