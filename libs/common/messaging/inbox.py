"""The inbox: what a consumer group has already dealt with. Together with the outbox: effectively once."""

import contextlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Received
from libs.common.database import driver

_FEW = 32  # keys that are asked for in one trip to the server; COPY, whose failure must be taken back, takes three
_ADMIT = """
INSERT INTO inbox (event_id, source)
SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING RETURNING event_id, source
"""


async def admit(tx: AsyncConnection, events: Sequence[Received[Any]]) -> list[Received[Any]]:
    """Return the events that this group has not seen yet, in order, and remember them in this transaction."""
    if not events:
        return []
    fresh = await admit_ids(tx, [(event.id, event.source) for event in events])
    if len(fresh) == len(events):
        return list(events)
    admitted: list[Received[Any]] = []
    for event in events:
        if (event.id, event.source) in fresh:
            fresh.discard((event.id, event.source))  # the same event twice in one batch counts once
            admitted.append(event)
    return admitted


async def admit_ids(tx: AsyncConnection, keys: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Return those (event id, source) that are new; the rest are duplicates."""
    connection = await driver(tx)
    new = set(keys)
    # One order for all: two workers that meet after a rebalance wait for each other and do not deadlock.
    ordered = sorted(new)
    if len(ordered) > _FEW:
        # Nearly always all is new, and COPY costs a third of an insert that asks row by row what is there.
        with contextlib.suppress(asyncpg.UniqueViolationError):
            async with connection.transaction():
                await connection.copy_records_to_table("inbox", columns=("event_id", "source"), records=ordered)
            return new
    rows = await connection.fetch(_ADMIT, [key for key, _ in ordered], [source for _, source in ordered])
    return {(row["event_id"], row["source"]) for row in rows}
