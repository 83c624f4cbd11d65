"""The data keys of tenants: made at the first need, kept wrapped in the service's database, held open for some seconds.

A key that this very transaction made is used but not held: if the transaction fails, so does everything that the key sealed.
"""

import os
import time
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import Database, driver
from libs.common.sealing.cipher import KEY_BYTES, Cipher
from libs.common.sealing.master import Kms, master

# How long a process goes on with the keys that it knows. A rotation waits for twice that long before it rewrites anything.
HELD_SECONDS: Final = 30.0

_held: WeakKeyDictionary[Engine, dict[str, tuple[float, Cipher]]] = WeakKeyDictionary()

_KEYS = """
SELECT key_id, wrapped, master, created_xid IS DISTINCT FROM pg_current_xact_id_if_assigned() AS stands,
    EXISTS (SELECT 1 FROM key_rewrites WHERE tenant_id = $1 AND key_id = 1 AND done_at IS NULL) AS lenient
FROM data_keys WHERE tenant_id = $1
"""
_INSERT = "INSERT INTO data_keys (tenant_id, key_id, wrapped, master) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"


async def cipher_of(tx: AsyncConnection, tenant_id: str) -> Cipher:
    """Return a tenant's cipher, within a transaction that sees the tenant. Errors: Transient while the master key is away."""
    held = _held.setdefault(tx.engine.sync_engine, {})
    known = held.get(tenant_id)
    if known is not None and time.monotonic() < known[0]:
        return known[1]
    connection = await driver(tx)
    rows = await connection.fetch(_KEYS, tenant_id)
    if not rows:
        await add_key(tx, tenant_id, 1)
        rows = await connection.fetch(_KEYS, tenant_id)  # who was quicker has made another one
    kms = master()
    keys = {row["key_id"]: await kms.unwrap(row["master"], row["wrapped"], bound(tenant_id, row["key_id"])) for row in rows}
    cipher = Cipher(tenant_id, keys, lenient=rows[0]["lenient"])
    if all(row["stands"] for row in rows):
        held[tenant_id] = (time.monotonic() + HELD_SECONDS, cipher)
    return cipher


async def cipher_for(database: Database, tenant_id: str) -> Cipher:
    """Return a tenant's cipher where no transaction is open. Errors: as `cipher_of`."""
    known = _held.get(database.engine.sync_engine, {}).get(tenant_id)
    if known is not None and time.monotonic() < known[0]:
        return known[1]
    async with database.begin(tenant_id) as tx:
        return await cipher_of(tx, tenant_id)


def forget(database: Database) -> None:
    """Let go of the keys that are held of a database."""
    _held.pop(database.engine.sync_engine, None)


async def add_key(tx: AsyncConnection, tenant_id: str, key_id: int) -> None:
    """Make a data key; one that is there under this number stays."""
    kms: Kms = master()
    wrapped = await kms.wrap(os.urandom(KEY_BYTES), bound(tenant_id, key_id))
    await (await driver(tx)).execute(_INSERT, tenant_id, key_id, wrapped, kms.current)


def bound(tenant_id: str, key_id: int) -> bytes:
    """Return what a wrapped key is bound to: it opens for its tenant and number alone."""
    return f"recours.data_key\x1f{tenant_id}\x1f{key_id}".encode()
