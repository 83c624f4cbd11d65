"""The outbox: events are rows of the same transaction as the state that they tell of.

The column names are those that Debezium's outbox event router expects, so that a connector can take the relay's place.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Event
from libs.common.database import copy_rows, driver, wake

CHANNEL = "recours_outbox"
RELAY_LOCK = "hashtext('recours.relay')"  # whoever holds this advisory lock sends what the outbox holds
COLUMNS = ("id", "tenant_id", "aggregatetype", "aggregateid", "type", "payload", "headers")

_FEW = 32  # rows that go in one trip to the server; from here on COPY is cheaper, which takes two
_APPEND_FEW = f"""
INSERT INTO outbox ({", ".join(COLUMNS)})
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[])
"""  # noqa: S608 - our own names

_encode = msgspec.json.Encoder().encode

_WAITING = """
SELECT count(*) AS count, min(created_at) AS oldest_at, COALESCE(EXTRACT(EPOCH FROM now() - min(created_at)), 0)::float AS seconds
FROM (SELECT created_at FROM outbox WHERE xid > (SELECT last_xid FROM relay_position) LIMIT $1) AS rows
"""


class Waiting(Struct, frozen=True):
    """Events that are not sent: how many, since when the oldest waits, and how long that is by the database's clock."""

    count: int
    oldest_at: datetime | None
    seconds: float


@lru_cache(maxsize=1024)  # the events of a file mostly share them all
def _headers(tenant_id: str, correlation_id: str, causation_id: str, sequence: int, traceparent: str | None) -> str:
    headers = {
        "ce_tenantid": tenant_id,
        "ce_correlationid": correlation_id,
        "ce_causationid": causation_id,
        "ce_sequence": str(sequence),
    }
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return _encode(headers).decode()


def row_of(event: Event) -> tuple[Any, ...]:
    headers = _headers(event.tenant_id, event.correlation_id, event.causation_id, event.sequence, event.traceparent)
    return (event.id, event.tenant_id, event.topic, event.key, event.type, event.data, headers)


async def append(tx: AsyncConnection, events: Sequence[Event]) -> None:
    """Write events into the outbox of this transaction, and wake the relay when it commits."""
    await append_rows(tx, [row_of(event) for event in events])


async def append_rows(tx: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows in the order of COLUMNS; `append` for what is already a row (dead letters)."""
    if not rows:
        return
    if len(rows) <= _FEW:
        await (await driver(tx)).execute(_APPEND_FEW, *(list(column) for column in zip(*rows, strict=True)))
    else:
        await copy_rows(tx, "outbox", COLUMNS, rows)
    await wake(tx, CHANNEL)


async def waiting(tx: AsyncConnection, most: int) -> Waiting:
    """Return what the relay has not sent; beyond `most` events it is not counted, nor is the oldest looked for there."""
    row = await (await driver(tx)).fetchrow(_WAITING, most)
    return Waiting(**dict(row or {}))
