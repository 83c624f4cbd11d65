"""Lists that others follow: rows in the order of the transactions that changed them last.

A row keeps the id of that transaction (`changed_xid xid8`). Read below the oldest running transaction, this is an order without
gaps, which neither a sequence nor a clock gives: what commits late comes late, and is never passed over.
"""

from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class Change(Struct, frozen=True):
    """A place in the order of changes: that of one transaction's change of one row."""

    xid: int
    id: UUID


FIRST_CHANGE: Final = Change(0, UUID(int=0))


async def latest_change(tx: AsyncConnection) -> Change:
    """Return the place after everything that can be given at this moment."""
    xid = (await tx.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))).scalar_one()
    return Change(int(xid), UUID(int=0))
