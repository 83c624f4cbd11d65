"""SQL of what people do with cases: edits with their history, tags, teams, comments, lists; nothing here commits."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.ids import uuid7
from services.appeals.worklist import store
from services.appeals.worklist.choosing import Chosen, Sort, conditions
from services.appeals.worklist.editing import Edit, NotDone, difference, edit
from services.appeals.worklist.placing import Case

_encode = msgspec.json.Encoder().encode

# What a list is ordered by, and how its cursor's place is read again. The largest amount and the nearest deadline come first.
_ORDERS: Final[Mapping[Sort, tuple[str, str, str]]] = {
    "newest": ("c.row_id", "DESC", "uuid"),
    "deadline": ("w.deadline_on", "ASC", "date"),
    "expected": ("w.expected_cents", "DESC", "bigint"),
    "amount": ("w.amount_cents", "DESC", "bigint"),
}
_FROM: Final = "cases AS c JOIN worklist AS w ON w.tenant_id = c.tenant_id AND w.case_id = c.case_id"
Position = tuple[Any, UUID]  # the value that a list is ordered by, and the case


async def find(
    tx: AsyncConnection, tenant_id: str, chosen: Chosen, sort: Sort, *, after: Position | None, limit: int
) -> list[RowMapping]:
    """Return cases in an order. Other than newest first they are those of the worklist; by deadline those that have one."""
    found, values = conditions(chosen, tenant_id)
    column, direction, kind = _ORDERS[sort]
    if sort != "newest":
        found.append("w.place <> 'away'")
    if sort == "deadline":
        found.append("w.deadline_on IS NOT NULL")
    if after is not None:
        sign = "<" if direction == "DESC" else ">"
        found.append(f"({column}, w.case_id) {sign} (CAST(:edge AS {kind}), CAST(:last AS uuid))")
        values |= {"edge": after[0], "last": after[1]}
    order = f"{column} {direction}, w.case_id {direction}"
    query = f"SELECT {store.SHOWN} FROM {_FROM} WHERE {' AND '.join(found)} ORDER BY {order} LIMIT :limit"  # noqa: S608 - our own names
    return list((await tx.execute(text(query), values | {"limit": limit})).mappings())


async def count(tx: AsyncConnection, tenant_id: str, chosen: Chosen, most: int | None = None) -> int:
    """Return how many cases are meant; with `most`, no further than to that."""
    found, values = conditions(chosen, tenant_id)
    query = f"SELECT count(*) FROM (SELECT 1 FROM {_FROM} WHERE {' AND '.join(found)} LIMIT :most) AS meant"  # noqa: S608 - our own names
    return int((await tx.execute(text(query), values | {"most": most})).scalar_one())


async def next_chosen(
    tx: AsyncConnection, tenant_id: str, chosen: Chosen, *, until: datetime, after: UUID, limit: int
) -> list[UUID]:
    """Return chosen cases by id, from after one; only those that were open to be chosen at a moment."""
    found, values = conditions(chosen, tenant_id)
    values |= {"until": until, "after": after, "limit": limit}
    query = text(
        f"SELECT c.case_id FROM {_FROM} WHERE {' AND '.join(found)}"  # noqa: S608 - our own names
        " AND c.opened_at <= :until AND c.case_id > :after ORDER BY c.case_id LIMIT :limit"
    )
    return list((await tx.execute(query, values)).scalars())


async def shown(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> RowMapping | None:
    """Return a case with its place on the worklist."""
    query = text(f"SELECT {store.SHOWN} FROM {_FROM} WHERE c.tenant_id = :t AND c.case_id = :c")  # noqa: S608 - our own names
    return (await tx.execute(query, {"t": tenant_id, "c": case_id})).mappings().first()


_HISTORY: Final = """
INSERT INTO worklist_history (tenant_id, case_id, row_id, changes, who, at)
SELECT t, c, r, j, $5, $6 FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::jsonb[]) AS told (t, c, r, j)
"""
_ADD_TAGS: Final = """
INSERT INTO case_tags (tenant_id, case_id, tag)
SELECT t, c, tag FROM unnest($1::text[], $2::uuid[]) AS k (t, c) CROSS JOIN unnest($3::text[]) AS tag ON CONFLICT DO NOTHING
"""
_REMOVE_TAGS: Final = """
DELETE FROM case_tags WHERE (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) AND tag = ANY ($3::text[])
"""


async def change(
    tx: AsyncConnection, keys: Collection[store.Key], told: Edit, who: str, today: date, now: datetime
) -> dict[store.Key, NotDone]:
    """Edit cases, and keep who did; return those that are left as they are, with why."""
    before = await store.read(tx, keys)
    decided = {key: edit(case, told, today) for key, case in before.items()}
    changed = {key: case for key, case in decided.items() if isinstance(case, Case)}
    await store.move(tx, list(changed.values()), now)
    if changed:
        connection = await driver(tx)
        columns = list(map(list, zip(*changed, strict=True)))
        if told.add_tags:
            await connection.execute(_ADD_TAGS, *columns, list(told.add_tags))
        if told.remove_tags:
            await connection.execute(_REMOVE_TAGS, *columns, list(told.remove_tags))
        rows = [
            (*key, uuid7(), _encode(what).decode())
            for key, case in changed.items()
            if (what := difference(before[key], case, told))
        ]
        if rows:
            await connection.execute(_HISTORY, *map(list, zip(*rows, strict=True)), who, now)
    return {key: case for key, case in decided.items() if isinstance(case, NotDone)}


async def history(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> tuple[list[Any], list[Any]]:
    """Return a case's edits and its warnings, oldest first."""
    connection = await driver(tx)
    edits = await connection.fetch(
        "SELECT changes::text, who, at FROM worklist_history WHERE tenant_id = $1 AND case_id = $2 ORDER BY row_id",
        tenant_id,
        case_id,
    )
    raised = await connection.fetch(
        "SELECT deadline_on, days_before, raised_at FROM case_warnings WHERE tenant_id = $1 AND case_id = $2"
        " ORDER BY deadline_on, days_before DESC",
        tenant_id,
        case_id,
    )
    return edits, raised


async def set_team(tx: AsyncConnection, tenant_id: str, team: str, members: Sequence[str]) -> None:
    """Say who is in a team; without members there is none."""
    connection = await driver(tx)
    await connection.execute("DELETE FROM team_members WHERE tenant_id = $1 AND team = $2", tenant_id, team)
    await connection.execute("INSERT INTO team_members SELECT $1, $2, unnest($3::text[])", tenant_id, team, sorted(set(members)))


async def teams(tx: AsyncConnection, tenant_id: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    query = "SELECT team, member FROM team_members WHERE tenant_id = $1 ORDER BY team, member"
    for row in await (await driver(tx)).fetch(query, tenant_id):
        found.setdefault(row["team"], []).append(row["member"])
    return found


async def comment(
    tx: AsyncConnection, tenant_id: str, case_id: UUID, author: str, words: str, mentions: Sequence[str], now: datetime
) -> UUID:
    comment_id = uuid7()
    await (await driver(tx)).execute(
        "INSERT INTO case_comments (tenant_id, comment_id, case_id, author, words, mentions, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant_id,
        comment_id,
        case_id,
        author,
        words,
        list(mentions),
        now,
    )
    return comment_id


async def comments(tx: AsyncConnection, tenant_id: str, case_id: UUID, *, after: UUID | None, limit: int) -> list[Any]:
    """Return a case's comments, oldest first."""
    return await (await driver(tx)).fetch(
        "SELECT comment_id, case_id, author, words, mentions, at, forgotten_at FROM case_comments"
        " WHERE tenant_id = $1 AND case_id = $2 AND ($3::uuid IS NULL OR comment_id > $3) ORDER BY comment_id LIMIT $4",
        tenant_id,
        case_id,
        after,
        limit,
    )
