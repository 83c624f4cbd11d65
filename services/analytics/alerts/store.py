"""SQL of alerts; nothing here commits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.changes import Change
from libs.common.database import driver
from libs.common.ids import uuid7
from services.analytics.alerts.charts import Day, is_finished
from services.analytics.alerts.lifecycle import ALL, Alert, Step, What
from services.analytics.facts.measures import CHARTED, MEASURES, Grain

_COLUMNS: Final = Alert.__struct_fields__
_NAMES: Final = ", ".join(_COLUMNS)
_ANSWERED, _DENIED, _REFUSED = (MEASURES[each][0] for each in CHARTED)
_LOCK: Final = " FOR UPDATE"
_TOLD: Final = "changed_xid::text AS changed, step_id, what, who, at, note, after"
_ASKED: Final = [_ANSWERED, _DENIED, _REFUSED]
_CHANGED: Final = """
SELECT tenant_id, payer_id, moved FROM alert_marks WHERE moved <> looked OR again_on <= $1 ORDER BY tenant_id, payer_id
"""
_DAYS: Final = f"""
SELECT day, measure, category, sum(count)::bigint AS count, sum(amount)::bigint AS amount,
    coalesce(sum(count) FILTER (WHERE known_on > $7::date), 0)::bigint AS fresh
FROM rollups JOIN cells USING (tenant_id, cell)
WHERE tenant_id = $1 AND grain = {Grain.COARSE} AND measure = ANY($2::smallint[]) AND day BETWEEN $3 AND $4 AND payer = $5
    AND ($6::date IS NULL OR known_on <= $6)
GROUP BY day, measure, category
"""  # noqa: S608 - numbers are ours


class Mark(Struct, frozen=True):
    """A payer whose sums have moved since they were looked at. `moved` counts how often they have."""

    tenant_id: str
    payer_id: str
    moved: int


async def changed(tx: AsyncConnection, through: date | None) -> list[Mark]:
    """Return the payers, of all tenants, whose sums have moved since they were looked at (whoever adds to them says so), and those
    of whom a day has ended since.
    """
    return [Mark(*row) for row in await (await driver(tx)).fetch(_CHANGED, through)]


async def write_mark(tx: AsyncConnection, mark: Mark, now: datetime, again_on: date | None) -> None:
    """Say that a payer was looked at as it was when its mark was read; what moved since is looked at again.

    `again_on`: with the end of this day at the latest, since days that it has were not judged yet.
    """
    await (await driver(tx)).execute(
        "UPDATE alert_marks SET looked = $3, looked_at = $4, again_on = $5 WHERE tenant_id = $1 AND payer_id = $2 AND looked <= $3",
        mark.tenant_id,
        mark.payer_id,
        mark.moved,
        now,
        again_on,
    )


class Sums(Struct, frozen=True):
    """A payer's days by category, those without a refusal among them. `waits`: there are others, which are not finished yet."""

    days: dict[str, list[Day]]
    waits: bool


async def days_of(
    tx: AsyncConnection,
    tenant_id: str,
    payer_id: str,
    span: tuple[date, date],
    through: date | None,
    as_of: date | None = None,
) -> Sums:
    """Return a payer's finished days within a span, as they are known, or were on the evening of `as_of`.

    `through`: the last day that has ended; without one, none is finished.
    """
    through = min(as_of or date.max, through or date.min)
    rows = await (await driver(tx)).fetch(_DAYS, tenant_id, _ASKED, *span, payer_id, as_of, through)
    answered = {row["day"]: row["count"] for row in rows if row["measure"] == _ANSWERED}
    finished = {
        row["day"] for row in rows if row["measure"] == _ANSWERED and is_finished(row["day"], row["count"], row["fresh"], through)
    }
    sums: defaultdict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    categories = {ALL}
    for row in rows:
        if row["measure"] == _ANSWERED:
            continue
        categories.add(row["category"])
        for category in {ALL, row["category"]}:
            of_day = sums[category, row["day"]]
            if row["measure"] == _DENIED:
                of_day[0] += row["count"]
            else:
                of_day[1] += row["amount"]
    days = {
        category: [
            Day(on, claims, *sums.get((category, on), (0, 0))) for on, claims in answered.items() if on in finished
        ]
        for category in categories
    }  # fmt: skip
    return Sums(days, waits=any(claims > 0 for on, claims in answered.items() if on not in finished))


async def of_payer(tx: AsyncConnection, tenant_id: str, payer_id: str, *, lock: bool = False) -> list[Alert]:
    """Return all alerts of a payer, the oldest first."""
    query = f"SELECT {_NAMES} FROM alerts WHERE tenant_id = $1 AND payer_id = $2 ORDER BY alert_id{_LOCK if lock else ''}"  # noqa: S608 - ours
    return [_read(row) for row in await (await driver(tx)).fetch(query, tenant_id, payer_id)]


async def get(tx: AsyncConnection, tenant_id: str, alert_id: UUID, *, lock: bool = False) -> Alert | None:
    query = f"SELECT {_NAMES} FROM alerts WHERE tenant_id = $1 AND alert_id = $2{_LOCK if lock else ''}"  # noqa: S608 - ours
    row = await (await driver(tx)).fetchrow(query, tenant_id, alert_id)
    return None if row is None else _read(row)


async def find(
    tx: AsyncConnection, tenant_id: str, wanted: Mapping[str, Any], statuses: Sequence[str], after: UUID | None, limit: int
) -> list[Alert]:
    """Return alerts, the newest first."""
    values: list[Any] = [tenant_id, list(statuses), after, limit]
    where = "tenant_id = $1 AND status = ANY($2::text[]) AND ($3::uuid IS NULL OR alert_id < $3)"
    for name, value in wanted.items():
        if value is not None:
            values.append(value)
            where += f" AND {name} = ${len(values)}"
    query = f"SELECT {_NAMES} FROM alerts WHERE {where} ORDER BY alert_id DESC LIMIT $4"  # noqa: S608 - names are ours
    return [_read(row) for row in await (await driver(tx)).fetch(query, *values)]


async def count_standing(tx: AsyncConnection, tenant_id: str) -> int:
    query = "SELECT count(*) FROM alerts WHERE tenant_id = $1 AND status IN ('open', 'acknowledged')"
    return int(await (await driver(tx)).fetchval(query, tenant_id))


async def history(tx: AsyncConnection, tenant_id: str, alert_id: UUID) -> list[Mapping[str, Any]]:
    query = "SELECT what, who, at, note FROM alert_steps WHERE tenant_id = $1 AND alert_id = $2 ORDER BY step_id"
    return [dict(row) for row in await (await driver(tx)).fetch(query, tenant_id, alert_id)]


async def write(tx: AsyncConnection, steps: Sequence[Step], moved: Sequence[Alert] = ()) -> None:
    """Write a tenant's alerts as they are after their steps, the steps behind the earlier ones."""
    connection = await driver(tx)
    alerts = [*(step.after for step in steps), *moved]
    if alerts:
        changes = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
        places = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
        await connection.executemany(
            f"INSERT INTO alerts ({_NAMES}) VALUES ({places})"  # noqa: S608 - names are ours
            f" ON CONFLICT (tenant_id, alert_id) DO UPDATE SET {changes}",
            [tuple(getattr(alert, name) for name in _COLUMNS) for alert in alerts],
        )
    if steps:
        tenant_id, ids = steps[0].after.tenant_id, [uuid7() for _ in steps]
        await connection.executemany(
            "INSERT INTO alert_steps (tenant_id, step_id, alert_id, what, who, at, note, after)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                (tenant_id, step_id, each.after.alert_id, each.what, each.who, each.at, each.note, _encode(each.after))
                for step_id, each in zip(ids, steps, strict=True)
            ],
        )


class Told(Struct, frozen=True):
    """A step as those are told who follow alerts."""

    place: Change
    what: What
    who: str
    at: datetime
    note: str | None
    after: Alert


async def told_after(tx: AsyncConnection, tenant_id: str, after: Change, limit: int) -> list[Told]:
    """Return the steps after a place, in the order of their transactions; what commits late is not passed over."""
    rows = await (await driver(tx)).fetch(
        f"SELECT {_TOLD} FROM alert_steps"  # noqa: S608 - names are ours
        " WHERE tenant_id = $1 AND (changed_xid, step_id) > ($2::text::xid8, $3)"
        " AND changed_xid < pg_snapshot_xmin(pg_current_snapshot())"
        " ORDER BY alert_steps.changed_xid, step_id LIMIT $4",
        tenant_id,
        str(after.xid),
        after.id,
        limit,
    )
    return [_read_told(row) for row in rows]


def _read_told(row: Any) -> Told:
    alert = msgspec.json.decode(row["after"], type=Alert)
    return Told(Change(int(row["changed"]), row["step_id"]), row["what"], row["who"], row["at"], row["note"], alert)


_encode: Final = msgspec.json.Encoder().encode


def _read(row: Any) -> Alert:
    return Alert(**dict(row))
