"""The answers that are kept for an Idempotency-Key, which hold what people wrote: sealed, where the service has data keys."""

from typing import Final
from weakref import WeakSet

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import Database
from libs.common.sealing.cipher import Place
from libs.common.sealing.keys import cipher_of

ANSWER: Final = Place("idempotency_keys", "body", (("key", "text"),))

_sealing: WeakSet[Engine] = WeakSet()


def seal_answers(database: Database) -> None:
    """From here on seal what is kept in a database, whose column holds bytes."""
    _sealing.add(database.engine.sync_engine)


async def sealed(tx: AsyncConnection, tenant_id: str, key: str, body: str) -> str | bytes:
    """Return an answer as it is kept. Errors: as `cipher_of`."""
    if tx.engine.sync_engine not in _sealing:
        return body
    return (await cipher_of(tx, tenant_id)).seal(ANSWER, (key,), body.encode())


async def opened(tx: AsyncConnection, tenant_id: str, key: str, kept: str | bytes) -> str:
    """Return an answer as it was told. Errors: Unreadable, as `cipher_of`."""
    if isinstance(kept, str):
        return kept
    return (await cipher_of(tx, tenant_id)).open(ANSWER, (key,), kept).decode()
