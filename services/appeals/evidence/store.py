"""The SQL of evidence: a tenant's own checklists, and what was waived; nothing here commits."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.ids import uuid7
from services.appeals.documents.store import list_documents
from services.appeals.evidence.checklists import EVERY_PAYER, Checked, Wanted, check, choose, with_asked

_encode = msgspec.json.Encoder().encode

Key = tuple[str, UUID]
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
    asked = await _asked(tx, [(tenant_id, case["case_id"])])
    wanted = with_asked(choose(case["category"], case["payer_id"], own), asked[tenant_id, case["case_id"]])
    return check(wanted, documents, waived), waived


async def _asked(tx: AsyncConnection, keys: Collection[Key]) -> dict[Key, set[str]]:
    """Return the codes of what payers ask about cases and was not answered yet."""
    codes = defaultdict[Key, set[str]](set)
    rows = await (await driver(tx)).fetch(_ASKED, [tenant for tenant, _ in keys], [case_id for _, case_id in keys])
    for row in rows:
        codes[row["tenant_id"], row["case_id"]] |= {each["code"] for each in row["codes"]}
    return codes


_TO_COLLECT = text(
    "SELECT cases.case_id, category, payer_id, payer_name, remit_id, patient_control_number FROM cases"
    " LEFT JOIN evidence_collections AS collected ON collected.tenant_id = cases.tenant_id AND collected.case_id = cases.case_id"
    " WHERE cases.tenant_id = :tenant AND state IN ('in_review', 'gathering')"
    " AND (collected_at IS NULL OR collected_at < :before) ORDER BY collected_at NULLS FIRST, cases.case_id LIMIT :limit"
)


async def cases_to_collect(tx: AsyncConnection, tenant_id: str, before: datetime, limit: int) -> list[RowMapping]:
    """Return cases that somebody works on and that were not looked at since a moment."""
    asked = {"tenant": tenant_id, "before": before, "limit": limit}
    return list((await tx.execute(_TO_COLLECT, asked)).mappings())


async def mark_collected(tx: AsyncConnection, tenant_id: str, case_id: UUID, now: datetime) -> None:
    await (await driver(tx)).execute(
        "INSERT INTO evidence_collections (tenant_id, case_id, collected_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (tenant_id, case_id) DO UPDATE SET collected_at = excluded.collected_at",
        tenant_id, case_id, now,
    )  # fmt: skip


_LISTS = "SELECT tenant_id, payer_id, category, items FROM evidence_checklists WHERE tenant_id = ANY ($1::text[])"
_OF_CASES = (
    "SELECT tenant_id, case_id, category, payer_id FROM cases"
    " WHERE (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))"
)
_DOCUMENTS = (
    "SELECT tenant_id, case_id, document_id, kind FROM documents WHERE state = 'current'"
    " AND (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))"
)
_ASKED = (
    "SELECT tenant_id, case_id, codes FROM records_requests WHERE answered_by IS NULL"
    " AND (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))"
)
_WAIVED = (
    "SELECT DISTINCT ON (tenant_id, case_id, item) tenant_id, case_id, item, what FROM evidence_waivers"
    " WHERE (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) ORDER BY tenant_id, case_id, item, row_id DESC"
)


async def lacking(tx: AsyncConnection, keys: Collection[Key]) -> dict[Key, list[str]]:
    """Return, for each case (tenant, id) that something keeps from `ready`, the items that do."""
    connection = await driver(tx)
    tenants, ids = [tenant for tenant, _ in keys], [case_id for _, case_id in keys]
    lists: dict[str, Lists] = {}
    for row in await connection.fetch(_LISTS, tenants):
        wanted = msgspec.convert(row["items"], tuple[Wanted, ...])
        lists.setdefault(row["tenant_id"], {})[(row["payer_id"], row["category"])] = wanted
    there, waived = defaultdict[Key, list[Mapping[str, Any]]](list), defaultdict[Key, set[str]](set)
    for row in await connection.fetch(_DOCUMENTS, tenants, ids):
        there[row["tenant_id"], row["case_id"]].append(row)
    for row in await connection.fetch(_WAIVED, tenants, ids):
        if row["what"] == "waived":
            waived[row["tenant_id"], row["case_id"]].add(row["item"])
    asked = await _asked(tx, keys)
    found = {}
    for row in await connection.fetch(_OF_CASES, tenants, ids):
        key = (row["tenant_id"], row["case_id"])
        wanted = with_asked(choose(row["category"], row["payer_id"], lists.get(row["tenant_id"], {})), asked[key])
        missing = [each.item for each in check(wanted, there[key], waived[key]) if each.keeps_back]
        if missing:
            found[key] = missing
    return found
