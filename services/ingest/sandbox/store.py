"""SQL of what the simulated payer will send; nothing here commits."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.sealing.keys import cipher_of
from services.ingest.seals import LETTER


class Letter(Struct, frozen=True):
    """One 277CA or 835 that waits for its hour."""

    tenant_id: str
    due_at: datetime
    row_id: UUID
    packed: bytes
    traceparent: str


_INSERT = """
INSERT INTO sandbox_letters (tenant_id, due_at, row_id, body, traceparent)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::bytea[], $5::text[])
"""


async def insert_letters(tx: AsyncConnection, letters: Iterable[Letter]) -> None:
    rows = []
    for each in letters:
        sealed = (await cipher_of(tx, each.tenant_id)).seal(LETTER, (each.row_id,), each.packed)
        rows.append((each.tenant_id, each.due_at, each.row_id, sealed, each.traceparent))
    if rows:
        await (await driver(tx)).execute(_INSERT, *map(list, zip(*rows, strict=True)))


_TAKE = """
WITH due AS MATERIALIZED (
    SELECT tenant_id, due_at, row_id FROM sandbox_letters WHERE tenant_id = ANY ($1::text[]) AND due_at <= $2
    ORDER BY due_at, row_id LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM sandbox_letters AS letter USING due
WHERE letter.tenant_id = due.tenant_id AND letter.due_at = due.due_at AND letter.row_id = due.row_id RETURNING letter.*
"""


async def take_due(tx: AsyncConnection, tenants: Collection[str], now: datetime, limit: int) -> list[Letter]:
    """Remove what is due and return it, the earliest first; another worker at the same time gets others."""
    rows = await (await driver(tx)).fetch(_TAKE, list(tenants), now, limit)
    letters = []
    for row in rows:
        packed = (await cipher_of(tx, row["tenant_id"])).open(LETTER, (row["row_id"],), row["body"])
        letters.append(Letter(row["tenant_id"], row["due_at"], row["row_id"], packed, row["traceparent"]))
    return sorted(letters, key=lambda each: (each.due_at, each.row_id))
