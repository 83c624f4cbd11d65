"""A job of the worker: seals anew what was sealed with an earlier data key, or not at all; and wraps data keys anew.

A place (a column, or the bytes beside the database) is gone through some rows at a time, each time in one transaction with how far
it is: killed anywhere, it goes on from there. A pass that changed something is followed by another; the one that changes nothing is
the last. When no place is left, the earlier keys of the tenant go.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import Database, driver
from libs.common.sealing.cipher import Cipher, Place, key_of
from libs.common.sealing.keys import HELD_SECONDS, add_key, bound, cipher_of
from libs.common.sealing.master import master
from libs.common.worker import work_off

log = structlog.get_logger()

_IDLE_SECONDS: Final = 5.0
_WRAPS_AT_ONCE: Final = 100
_encode = msgspec.json.Encoder().encode


class Step(Struct, frozen=True):
    """How far a place was gone through. `after`: the last row; None: that was all. `rows`: how many were looked at."""

    after: tuple[str, ...] | None
    rows: int
    changed: bool


class Rewritable(Protocol):
    """A place that can be sealed anew step by step."""

    async def step(self, tx: AsyncConnection, tenant_id: str, cipher: Cipher, after: tuple[str, ...] | None) -> Step:
        """Seal anew what follows a row, or what comes first."""


class Column:
    """A sealed column of a table."""

    def __init__(self, place: Place) -> None:
        names = ", ".join(name for name, _ in place.key)
        texts = ", ".join(f"{name}::text" for name, _ in place.key)
        asked = ", ".join(f"($3::text[])[{at}]::{kind}" for at, (_, kind) in enumerate(place.key, start=1))
        arrays = ", ".join(f"${at}::{kind}[]" for at, (_, kind) in enumerate(place.key, start=3))
        same = " AND ".join(f"t.{name} = told.{name}" for name, _ in place.key)
        self._place = place
        self._select = (
            f"SELECT {names}, {place.column} AS sealed, ARRAY[{texts}] AS named FROM {place.table}"  # noqa: S608 - our own names
            f" WHERE tenant_id = $1 AND {place.column} IS NOT NULL AND ($3::text[] IS NULL OR ({names}) > ({asked}))"
            f" ORDER BY {names} LIMIT $2 FOR NO KEY UPDATE"
        )
        self._update = (
            f"UPDATE {place.table} AS t SET {place.column} = told.sealed"  # noqa: S608 - our own names
            f" FROM unnest($2::bytea[], {arrays}) AS told (sealed, {names}) WHERE t.tenant_id = $1 AND {same}"
        )

    async def step(self, tx: AsyncConnection, tenant_id: str, cipher: Cipher, after: tuple[str, ...] | None) -> Step:
        connection = await driver(tx)
        rows = await connection.fetch(self._select, tenant_id, self._place.at_once, after)
        changed = []
        for row in rows:
            if key_of(row["sealed"]) != cipher.number:
                key = tuple(row[name] for name, _ in self._place.key)
                changed.append((cipher.seal(self._place, key, cipher.open(self._place, key, row["sealed"])), *key))
        if changed:
            await connection.execute(self._update, tenant_id, *map(list, zip(*changed, strict=True)))
        last = tuple(rows[-1]["named"]) if len(rows) == self._place.at_once else None
        return Step(last, len(rows), bool(changed))


def columns(places: Sequence[Place]) -> dict[str, Rewritable]:
    """Return sealed columns by the names under which they are rewritten."""
    return {place.name: Column(place) for place in places}


_NEXT = """
SELECT tenant_id, key_id, place, after::text, changed FROM key_rewrites
WHERE done_at IS NULL AND begins_at <= now() ORDER BY begins_at, tenant_id, place LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_MOVE = """
UPDATE key_rewrites SET after = $4::jsonb, rows = rows + $5, changed = $6, done_at = CASE WHEN $7 THEN now() END
WHERE tenant_id = $1 AND key_id = $2 AND place = $3
"""
_RETIRE = """
DELETE FROM data_keys WHERE tenant_id = $1 AND key_id < $2
    AND NOT EXISTS (SELECT 1 FROM key_rewrites WHERE tenant_id = $1 AND done_at IS NULL)
"""
_OTHERWISE_WRAPPED = """
SELECT tenant_id, key_id, wrapped, master FROM data_keys WHERE master <> $1
ORDER BY tenant_id, key_id LIMIT $2 FOR UPDATE SKIP LOCKED
"""


class Rewriter:
    """Goes through what is to be sealed anew, for ever. Several may run."""

    def __init__(self, database: Database, places: Mapping[str, Rewritable]) -> None:
        self._database = database
        self._places = places

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.do_next, idle_seconds=_IDLE_SECONDS, waiting="sealing_waits")

    async def do_next(self) -> int:
        """Wrap some keys anew, then go one step through one place; 0 when nothing waits."""
        return await self.wrap_anew() or await self._step()

    async def wrap_anew(self) -> int:
        """Wrap data keys that an earlier master key wrapped under the current one; return how many."""
        kms = master()
        async with self._database.begin() as tx:
            connection = await driver(tx)
            rows = await connection.fetch(_OTHERWISE_WRAPPED, kms.current, _WRAPS_AT_ONCE)
            for tenant_id, key_id, wrapped, name in rows:
                named = bound(tenant_id, key_id)
                anew = await kms.wrap(await kms.unwrap(name, wrapped, named), named)
                query = "UPDATE data_keys SET wrapped = $3, master = $4 WHERE tenant_id = $1 AND key_id = $2"
                await connection.execute(query, tenant_id, key_id, anew, kms.current)
        if rows:
            log.info("data_keys_wrapped", count=len(rows))
        return len(rows)

    async def _step(self) -> int:
        async with self._database.begin() as tx:
            connection = await driver(tx)
            asked = await connection.fetchrow(_NEXT)
            if asked is None:
                return 0
            tenant_id, key_id, place, told, was_changed = asked
            cipher = await cipher_of(tx, tenant_id)
            after = None if told is None else msgspec.json.decode(told, type=tuple[str, ...])
            step = await self._places[place].step(tx, tenant_id, cipher, after)
            changed = was_changed or step.changed
            done = step.after is None and not changed
            further = None if step.after is None else _encode(step.after).decode()
            told_changed = changed and step.after is not None
            await connection.execute(_MOVE, tenant_id, key_id, place, further, step.rows, told_changed, done)
            if done:
                await connection.execute(_RETIRE, tenant_id, key_id)
                log.info("sealed_anew", place=place, key_id=key_id)
        return 1


_NEWEST = "SELECT max(key_id) FROM data_keys WHERE tenant_id = $1"
_OPEN = "SELECT max(key_id) FROM key_rewrites WHERE tenant_id = $1 AND done_at IS NULL"
_BEGIN = """
INSERT INTO key_rewrites (tenant_id, key_id, place, begins_at)
SELECT $1, $2, place, now() + $4 * interval '1 second' FROM unnest($3::text[]) AS place
"""


async def rotate(tx: AsyncConnection, tenant_id: str, places: Sequence[str]) -> int:
    """Give a tenant another data key and have all sealed anew; return its number, or that of a rotation that is under way."""
    connection = await driver(tx)
    await cipher_of(tx, tenant_id)  # so that there is a key, whose row can be locked
    await connection.fetch("SELECT 1 FROM data_keys WHERE tenant_id = $1 FOR UPDATE", tenant_id)
    under_way: int | None = await connection.fetchval(_OPEN, tenant_id)
    if under_way is not None:
        return under_way
    key_id: int = await connection.fetchval(_NEWEST, tenant_id) + 1
    await add_key(tx, tenant_id, key_id)
    await connection.execute(_BEGIN, tenant_id, key_id, list(places), 2 * HELD_SECONDS)
    return key_id
