"""The outbox: events are rows of the same transaction as the state that they tell of.

The column names are those that Debezium's outbox event router expects, so that a connector can take the relay's place.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Event
from libs.common.database import copy_rows, driver

CHANNEL = "recours_outbox"
COLUMNS = ("id", "tenant_id", "aggregatetype", "aggregateid", "type", "payload", "headers")

_encode = msgspec.json.Encoder().encode


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
    await copy_rows(tx, "outbox", COLUMNS, rows)
    await (await driver(tx)).execute(f"NOTIFY {CHANNEL}")
