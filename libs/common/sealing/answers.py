"""The answers that are kept for an Idempotency-Key, which hold what people wrote: sealed."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.sealing.cipher import Place
from libs.common.sealing.keys import cipher_of

ANSWER: Final = Place("idempotency_keys", "body", (("key", "text"),))


async def sealed(tx: AsyncConnection, tenant_id: str, key: str, body: str) -> bytes:
    """Return an answer as it is kept. Errors: as `cipher_of`."""
    return (await cipher_of(tx, tenant_id)).seal(ANSWER, (key,), body.encode())


async def opened(tx: AsyncConnection, tenant_id: str, key: str, kept: bytes) -> str:
    """Return an answer as it was told. Errors: Unreadable, as `cipher_of`."""
    return (await cipher_of(tx, tenant_id)).open(ANSWER, (key,), kept).decode()
