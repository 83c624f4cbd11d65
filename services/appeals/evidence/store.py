"""The SQL of evidence: a tenant's own checklists, and what was waived; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.ids import uuid7
from services.appeals.documents.store import list_documents
from services.appeals.evidence.checklists import EVERY_PAYER, Checked, Wanted, check, choose

_encode = msgspec.json.Encoder().encode

Lists = dict[tuple[str, str], tuple[Wanted, ...]]


async def own_lists(tx: AsyncConnection, tenant_id: str) -> Lists:
    """Return a tenant's own checklists by payer and category."""
    query = text("SELECT payer_id, category, items FROM evidence_checklists WHERE tenant_id = :tenant ORDER BY category, payer_id")
    rows = await tx.execute(query, {"tenant": tenant_id})
    return {(row.payer_id, row.category): msgspec.convert(row.items, tuple[Wanted, ...]) for row in rows}


async def _lists_for(tx: AsyncConnection, tenant_id: str, payer_id: str, category: str) -> Lists:
    query = text(
        "SELECT payer_id, items FROM evidence_checklists"
        " WHERE tenant_id = :tenant AND payer_id IN (:payer, :every) AND category = :category"
    )
    asked = {"tenant": tenant_id, "payer": payer_id, "every": EVERY_PAYER, "category": category}
    return {(row.payer_id, category): msgspec.convert(row.items, tuple[Wanted, ...]) for row in await tx.execute(query, asked)}


async def set_list(
    tx: AsyncConnection, tenant_id: str, payer_id: str, category: str, items: Sequence[Wanted], who: str, now: datetime
) -> None:
    await (await driver(tx)).execute(
        "INSERT INTO evidence_checklists (tenant_id, payer_id, category, items, changed_by, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, payer_id, category) DO UPDATE"
        " SET items = excluded.items, changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        tenant_id, payer_id, category, _encode(items).decode(), who, now,
    )  # fmt: skip


async def forget_list(tx: AsyncConnection, tenant_id: str, payer_id: str, category: str) -> None:
    query = "DELETE FROM evidence_checklists WHERE tenant_id = $1 AND payer_id = $2 AND category = $3"
    await (await driver(tx)).execute(query, tenant_id, payer_id, category)


async def get_case(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> RowMapping | None:
    """Return what evidence depends on: category, payer, remit, account number."""
    query = text(
        "SELECT case_id, category, payer_id, payer_name, remit_id, patient_control_number FROM cases"
        " WHERE tenant_id = :tenant AND case_id = :case"
    )
    return (await tx.execute(query, {"tenant": tenant_id, "case": case_id})).mappings().first()


async def waivers(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> dict[str, RowMapping]:
    """Return what is waived now, by item: the last step of each that is no withdrawal."""
    query = text(
        "SELECT DISTINCT ON (item) item, what, reason, who, at FROM evidence_waivers"
        " WHERE tenant_id = :tenant AND case_id = :case ORDER BY item, row_id DESC"
    )
    rows = (await tx.execute(query, {"tenant": tenant_id, "case": case_id})).mappings()
    return {row["item"]: row for row in rows if row["what"] == "waived"}


async def tell_waiver(
    tx: AsyncConnection, tenant_id: str, case_id: UUID, item: str, what: str, reason: str, who: str, now: datetime
) -> None:
    """Write that an item was `waived`, or that this was `withdrawn`; these rows only grow."""
    await (await driver(tx)).execute(
        "INSERT INTO evidence_waivers (tenant_id, row_id, case_id, item, what, reason, who, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant_id, uuid7(), case_id, item, what, reason, who, now,
    )  # fmt: skip


async def checked(tx: AsyncConnection, tenant_id: str, case: RowMapping) -> tuple[list[Checked], dict[str, RowMapping]]:
    """Return a case's checklist as it stands, and its waivers."""
    own = await _lists_for(tx, tenant_id, case["payer_id"], case["category"])
    documents = await list_documents(tx, tenant_id, case["case_id"], ["current"])
    waived = await waivers(tx, tenant_id, case["case_id"])
    return check(choose(case["category"], case["payer_id"], own), documents, waived), waived


async def lacking(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[str]:
    """Return the items that keep a case from `ready`; none for a case that does not exist."""
    case = await get_case(tx, tenant_id, case_id)
    if case is None:
        return []
    found, _ = await checked(tx, tenant_id, case)
    return [each.item for each in found if each.keeps_back]
