"""A job of the worker: erases tenants, some rows a transaction, which counts what it took; killed anywhere, it goes on.

Rows go first, those that workers take up before all others, then the bytes beside the database; the data keys go last, so that
nobody meets a sealed cell that no key opens. A tenant is erased when a whole pass found nothing, and that pass began after every
transaction was over that could not know yet. What comes all the same (a request that was under way) is looked for every hour.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from libs.common.database import Database, driver
from libs.common.orders import LOOK_SECONDS
from libs.common.tenants import store
from libs.common.tenants.holdings import Holdings, tables_of_tenants
from libs.common.worker import look_again

log = structlog.get_logger()

ROWS_AT_ONCE: Final = 2000  # a transaction that is open holds up the relays: some hundredths of a second
_OBJECTS_AT_ONCE: Final = 50
_PAGES_AT_ONCE: Final = 500  # of an outbox's partition, which has no index by tenant
_SETTLE_SECONDS: Final = 0.2
_SWEEP_SECONDS: Final = 3600.0
_KEYS: Final = "data_keys"
# Not erased: that there was such a tenant and who erased it, and who did what with its data, by ids alone.
KEPT: Final[Mapping[str, str]] = {
    "tenants": "that it was erased: when, by whom, why, and how many rows went",
    "audit_log": "who did what and was shown what, by ids; kept for as long as the audit log is",
    "audit_chain": "the proof that the audit log is whole",
    "audit_seals": "the proof that the audit log is whole",
}
# Tables of rows that workers take up come first, so that none takes up a row whose others are gone; children before their parents,
# whose end would take them along uncounted.
_TABLES: Final = """
SELECT c.relname AS name, EXISTS (
        SELECT 1 FROM pg_attribute
        WHERE attrelid = c.oid AND attname IN ('leased_until', 'lease_until', 'next_at') AND NOT attisdropped
    ) AS is_taken_up,
    ARRAY(SELECT conrelid::regclass::text FROM pg_constraint WHERE confrelid = c.oid AND conrelid <> c.oid) AS children
FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
    AND EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id') AND c.relname <> ALL ($1)
ORDER BY is_taken_up DESC, c.relname
"""
_PARTS: Final = """
SELECT c.relname, pg_relation_size(c.oid) / current_setting('block_size')::int AS pages
FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE inhparent = 'outbox'::regclass ORDER BY c.relname
"""


class Stopped(Exception):  # noqa: N818 - mostly no error: somebody put the tenant under legal hold
    """The tenant is not to be erased now, or not all of it can be: it is looked at again."""


class Eraser:
    """Erases tenants, for ever. Several may run: each batch locks the tenant's row in the register."""

    def __init__(self, database: Database, clock: Clock, holdings: Holdings, *, rows_at_once: int = ROWS_AT_ONCE) -> None:
        self._database = database
        self._clock = clock
        self._holdings = holdings
        self._rows_at_once = rows_at_once
        self._sweep_at = 0.0

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self._step, waiting="erasing_waits", orders=self._database.listener)

    async def _step(self) -> float | None:
        waiting = await self._names("erasing")
        done = await self._erase_each(waiting)
        if time.monotonic() >= self._sweep_at:
            await self.sweep()
            self._sweep_at = time.monotonic() + _SWEEP_SECONDS
        return None if done == len(waiting) else LOOK_SECONDS  # what is stopped is not gone over at every ring

    async def erase_all(self) -> int:
        """Erase the tenants that are to be erased and not held; return how many are. Errors: Transient."""
        return await self._erase_each(await self._names("erasing"))

    async def _erase_each(self, tenants: Sequence[str]) -> int:
        done = 0
        for tenant_id in tenants:
            try:
                await self._erase(tenant_id)
            except Stopped:
                log.info("erasing_stopped")
                continue
            done += 1
        return done

    async def sweep(self) -> int:
        """Look for what came after tenants were erased, and erase it; return how much it was. Errors: Transient."""
        found = 0
        for tenant_id in await self._names("erased"):
            try:
                late = await self._pass(tenant_id) + await self._table(tenant_id, _KEYS)
            except Stopped:
                continue
            if late:
                log.warning("rows_of_an_erased_tenant", count=late)
            found += late
        return found

    async def _names(self, state: store.State) -> list[str]:
        async with self._database.begin() as tx:
            return await store.names_in(tx, state)

    async def _erase(self, tenant_id: str) -> None:
        async with self._database.begin() as tx:
            horizon: str = await (await driver(tx)).fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        while True:
            settled = await self._is_settled(horizon)
            if await self._pass(tenant_id) == 0:
                if settled:
                    break
                await asyncio.sleep(_SETTLE_SECONDS)
        left = await self._left(tenant_id)
        if left:  # what is not gone is not said to be
            log.error("not_erased", tables=left)
            raise Stopped
        await self._table(tenant_id, _KEYS)
        async with self._database.begin() as tx:
            await store.finish_erasing(tx, tenant_id, self._clock.now())
        log.info("tenant_erased")

    async def _is_settled(self, horizon: str) -> bool:
        """Say whether all transactions are over that were open when the tenant was found to be erased."""
        async with self._database.begin() as tx:
            query = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8"
            return bool(await (await driver(tx)).fetchval(query, horizon))

    async def _left(self, tenant_id: str) -> list[str]:
        """Return the tables that still hold something, as the worker sees them, whom no policy binds."""
        async with self._database.begin() as tx:
            connection = await driver(tx)
            names = [table.name for table in await tables_of_tenants(tx) if table.name not in (*KEPT, _KEYS)]
            some = [f"EXISTS (SELECT 1 FROM {name} WHERE tenant_id = $1)" for name in names]  # noqa: S608 - from the catalog
            held = await connection.fetchrow(f"SELECT {', '.join(some)}", tenant_id)
        return [name for name, is_there in zip(names, held or (), strict=True) if is_there]

    async def _pass(self, tenant_id: str) -> int:
        """Go through everything but the data keys once; return how much was there."""
        gone = 0
        async with self._database.begin() as tx:
            tables = await _in_order(tx)
        for name in tables:
            if name != _KEYS:
                gone += await self._table(tenant_id, name)
        gone += await self._outbox(tenant_id)
        for name in self._holdings.beside:
            gone += await self._beside(tenant_id, name)
        return gone

    async def _table(self, tenant_id: str, name: str) -> int:
        gone = 0
        while True:
            count = await self._batch(tenant_id, name, "SELECT erase_rows($1, $2, $3)", name, self._rows_at_once)
            gone += count
            if count < self._rows_at_once:
                return gone

    async def _outbox(self, tenant_id: str) -> int:
        async with self._database.begin() as tx:
            parts = await (await driver(tx)).fetch(_PARTS)
        gone = 0
        for part, pages in parts:
            for first in range(0, pages, _PAGES_AT_ONCE):
                gone += await self._batch(tenant_id, "outbox", "SELECT erase_events($1, $2, $3, $4)", part, first, _PAGES_AT_ONCE)
        return gone

    async def _batch(self, tenant_id: str, name: str, query: str, *more: Any) -> int:
        async with self._database.begin() as tx:
            if not await store.lock_for_erasing(tx, tenant_id):
                raise Stopped
            gone: int = await (await driver(tx)).fetchval(query, tenant_id, *more)
            if gone:
                await store.count_erased(tx, tenant_id, name, gone)
        return gone

    async def _beside(self, tenant_id: str, name: str) -> int:
        gone = 0
        beside = self._holdings.beside[name]
        async for keys in _some(beside.keys_of(tenant_id)):
            async with self._database.begin() as tx:
                if not await store.lock_for_erasing(tx, tenant_id):
                    raise Stopped
            await beside.discard(keys)  # outside of a transaction, which would hold up the relays
            async with self._database.begin() as tx:
                await store.count_erased(tx, tenant_id, f"objects/{name}", len(keys))
            gone += len(keys)
        return gone


async def _some(pages: AsyncIterator[list[str]]) -> AsyncIterator[list[str]]:
    async for keys in pages:
        for start in range(0, len(keys), _OBJECTS_AT_ONCE):
            yield keys[start : start + _OBJECTS_AT_ONCE]


async def _in_order(tx: AsyncConnection) -> list[str]:
    """Return the tables of tenants in the order in which they are emptied, but for the outbox, which is partitioned."""
    rows = await (await driver(tx)).fetch(_TABLES, list(KEPT))
    children = {row["name"]: set(row["children"]) for row in rows}
    order: list[str] = []
    while len(order) < len(children):
        order.append(next(name for name in children if name not in order and children[name] <= set(order)))
    return order
