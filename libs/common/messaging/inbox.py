"""The inbox: what a consumer group has already dealt with. Together with the outbox: effectively once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Received
from libs.common.database import driver

_ADMIT = """
INSERT INTO inbox (event_id, source)
SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING
"""
# Asked only when something was there before: nearly always all is new, and two thousand rows need not travel back.
_ADMITTED_NOW = """
SELECT event_id, source FROM inbox JOIN unnest($1::uuid[], $2::text[]) AS told (event_id, source) USING (event_id, source)
WHERE inbox.xmin = pg_current_xact_id()::xid
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
    # One order for all: two workers that meet after a rebalance wait for each other and do not deadlock.
    ordered = sorted(set(keys))
    told = ([key for key, _ in ordered], [source for _, source in ordered])
    tag = await connection.execute(_ADMIT, *told)
    if tag == f"INSERT 0 {len(ordered)}":
        return set(ordered)
    rows = await connection.fetch(_ADMITTED_NOW, *told)
    return {(row["event_id"], row["source"]) for row in rows}
