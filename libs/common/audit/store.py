"""SQL of the audit log: read by auditors, chained and sealed by the worker; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.audit.entries import SealKind

_COLUMNS: Final = """
entry.entry_id, entry.at, entry.subject, entry.token_id, entry.action, entry.object_kind, entry.object_ids, entry.outcome,
entry.trace_id, link.seq, link.hash
"""


class Wanted(Struct, frozen=True):
    """Which entries an auditor asks for; None: any. `first` is included, `last` is not."""

    subject: str | None = None
    action: str | None = None
    object_id: str | None = None
    object_kind: str | None = None
    outcome: str | None = None
    first: datetime | None = None
    last: datetime | None = None


async def find(tx: AsyncConnection, tenant_id: str, wanted: Wanted, before: UUID | None, limit: int) -> Sequence[RowMapping]:
    """Return entries, newest first, from before one of them."""
    filters = {
        "before": ("entry.entry_id < :before", before),
        "subject": ("entry.subject = :subject", wanted.subject),
        "action": ("entry.action = :action", wanted.action),
        "object_id": (":object_id = ANY (entry.object_ids)", wanted.object_id),
        "object_kind": ("entry.object_kind = :object_kind", wanted.object_kind),
        "outcome": ("entry.outcome = :outcome", wanted.outcome),
        "first": ("entry.at >= :first", wanted.first),
        "last": ("entry.at < :last", wanted.last),
    }
    asked = {name: (condition, value) for name, (condition, value) in filters.items() if value is not None}
    conditions = "".join(f" AND {condition}" for condition, _ in asked.values())
    query = text(
        f"SELECT {_COLUMNS} FROM audit_log AS entry LEFT JOIN audit_chain AS link USING (tenant_id, entry_id)"  # noqa: S608 - words of ours
        f" WHERE tenant_id = :tenant{conditions} ORDER BY entry.entry_id DESC LIMIT :limit"
    )
    values: dict[str, Any] = {name: value for name, (_, value) in asked.items()}
    return (await tx.execute(query, {**values, "tenant": tenant_id, "limit": limit})).mappings().all()


_CHAIN: Final = text(
    f"SELECT link.entry_id AS linked_id, {_COLUMNS} FROM audit_chain AS link"  # noqa: S608 - words of ours
    " LEFT JOIN audit_log AS entry USING (tenant_id, entry_id)"
    " WHERE tenant_id = :tenant AND link.seq > :after ORDER BY link.seq LIMIT :limit"
)


async def chain(tx: AsyncConnection, tenant_id: str, after: int, limit: int) -> Sequence[RowMapping]:
    """Return the links of the chain after one of them, each with its entry where that is there."""
    return (await tx.execute(_CHAIN, {"tenant": tenant_id, "after": after, "limit": limit})).mappings().all()


_SEALS: Final = text(
    "SELECT seq, kind, hash, sealed_at, key_id, signature FROM audit_seals"
    " WHERE tenant_id = :tenant AND kind = :kind AND seq > :after ORDER BY seq LIMIT :limit"
)


async def seals(tx: AsyncConnection, tenant_id: str, kind: SealKind, after: int, limit: int) -> Sequence[RowMapping]:
    """Return seals, or cuts, after a place, in the order of the chain."""
    return (await tx.execute(_SEALS, {"tenant": tenant_id, "kind": kind, "after": after, "limit": limit})).mappings().all()


_WAITING: Final = text(
    """
    SELECT count(*) AS waiting, min(at) AS oldest_at FROM audit_log AS entry
    WHERE tenant_id = :tenant AND NOT EXISTS (
        SELECT 1 FROM audit_chain AS link WHERE link.tenant_id = :tenant AND link.entry_id = entry.entry_id
    )
    """
)
_HEAD: Final = text("SELECT seq, hash FROM audit_chain WHERE tenant_id = :tenant ORDER BY seq DESC LIMIT 1")


async def head(tx: AsyncConnection, tenant_id: str) -> RowMapping | None:
    """Return the newest link, or None where nothing was entered yet."""
    return (await tx.execute(_HEAD, {"tenant": tenant_id})).mappings().one_or_none()


async def waiting(tx: AsyncConnection, tenant_id: str) -> RowMapping:
    """Return how many entries are not chained, and since when the oldest of them waits."""
    return (await tx.execute(_WAITING, {"tenant": tenant_id})).mappings().one()
