"""What the API asks about follow-ups; nothing here commits."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

Place = tuple[date, UUID]

_STATUS = {
    "open": "status = 'open' AND (snoozed_until IS NULL OR snoozed_until <= :today)",
    "snoozed": "status = 'open' AND snoozed_until > :today",
    "resolved": "status = 'resolved'",
}


async def find(
    tx: AsyncConnection,
    tenant_id: str,
    wanted: Mapping[str, Any],
    *,
    status: str,
    due_before: date | None,
    today: date,
    after: Place | None,
    limit: int,
) -> list[RowMapping]:
    """Return follow-ups, the most urgent first. `wanted` maps column names of ours to the value that they must equal, or None."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    conditions = ["tenant_id = :tenant", *(f"{name} = :{name}" for name in asked)]
    values: dict[str, Any] = {"tenant": tenant_id, "limit": limit, "today": today, **asked}
    if status in _STATUS:
        conditions.append(_STATUS[status])
    if due_before is not None:
        conditions.append("due_on < :due_before")
        values["due_before"] = due_before
    if after is not None:
        conditions.append("(due_on, followup_id) > (:after_on, :after_id)")
        values |= {"after_on": after[0], "after_id": after[1]}
    query = f"SELECT * FROM followups WHERE {' AND '.join(conditions)} ORDER BY due_on, followup_id LIMIT :limit"  # noqa: S608 - ours
    return list((await tx.execute(text(query), values)).mappings())


async def get(tx: AsyncConnection, tenant_id: str, followup_id: UUID) -> tuple[RowMapping, list[RowMapping]] | None:
    """Return a follow-up with its history, oldest first."""
    values = {"tenant": tenant_id, "id": followup_id}
    row = text("SELECT * FROM followups WHERE tenant_id = :tenant AND followup_id = :id")
    found = (await tx.execute(row, values)).mappings().first()
    if found is None:
        return None
    steps = text("SELECT * FROM followup_history WHERE tenant_id = :tenant AND followup_id = :id ORDER BY row_id")
    return found, list((await tx.execute(steps, values)).mappings())
