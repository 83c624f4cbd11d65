"""SQL of filings; nothing here commits."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver


class Filing(Struct, frozen=True, kw_only=True):
    """One thing that was sent to a payer about a case."""

    tenant_id: str
    appeal_id: UUID
    case_id: UUID
    claim_key: UUID
    number: int
    action: str
    level: str | None
    channel: str
    tracking_number: str | None
    packet_sha256: str | None
    corrected_claim_id: UUID | None
    disputed_cents: int
    due_on: date | None
    good_cause: str | None
    filed_on: date
    filed_at: datetime
    filed_by: str
    next_check_on: date


_NAMES = Filing.__struct_fields__
_PLACES = ", ".join(f"${place}" for place, _ in enumerate(_NAMES, start=1))
_INSERT = f"INSERT INTO filings ({', '.join(_NAMES)}) VALUES ({_PLACES})"  # noqa: S608 - our own names


async def insert(tx: AsyncConnection, filing: Filing) -> None:
    await (await driver(tx)).execute(_INSERT, *(getattr(filing, name) for name in _NAMES))


async def same_before(tx: AsyncConnection, tenant_id: str, case_id: UUID, action: str, level: str | None) -> dict[str, Any] | None:
    """Return the filing of a case that one of this kind and level would double."""
    query = (
        "SELECT appeal_id, next_check_on FROM filings WHERE tenant_id = $1 AND case_id = $2 AND action = $3"
        " AND level IS NOT DISTINCT FROM $4 ORDER BY number DESC LIMIT 1"
    )
    found = await (await driver(tx)).fetchrow(query, tenant_id, case_id, action, level)
    return dict(found) if found else None
