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
from services.appeals.evidence.checklists import Checked, Wanted, check, choose, with_asked

_encode = msgspec.json.Encoder().encode

Key = tuple[str, UUID]
Lists = dict[tuple[str, str], tuple[Wanted, ...]]
Waivers = dict[str, Mapping[str, Any]]


_LISTS = """
SELECT tenant_id, payer_id, category, items FROM evidence_checklists WHERE tenant_id = ANY ($1::text[]) ORDER BY category, payer_id
"""


async def own_lists(tx: AsyncConnection, tenants: Collection[str]) -> defaultdict[str, Lists]:
    """Return tenants' own checklists by payer and category."""
    found = defaultdict[str, Lists](dict)
    for row in await (await driver(tx)).fetch(_LISTS, list(tenants)):
        found[row["tenant_id"]][row["payer_id"], row["category"]] = msgspec.convert(row["items"], tuple[Wanted, ...])
    return found


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


_WAIVED = """
SELECT DISTINCT ON (tenant_id, case_id, item) tenant_id, case_id, item, what, reason, who, at FROM evidence_waivers
WHERE (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) ORDER BY tenant_id, case_id, item, row_id DESC
"""


async def waivers(tx: AsyncConnection, keys: Collection[Key]) -> defaultdict[Key, Waivers]:
    """Return what is waived now of cases, by item: the last step of each that is no withdrawal."""
    found = defaultdict[Key, Waivers](dict)
    for row in await (await driver(tx)).fetch(_WAIVED, *_columns(keys)):
        if row["what"] == "waived":
            found[row["tenant_id"], row["case_id"]][row["item"]] = row
    return found


async def tell_waiver(
    tx: AsyncConnection, tenant_id: str, case_id: UUID, item: str, what: str, reason: str, who: str, now: datetime
) -> None:
    """Write that an item was `waived`, or that this was `withdrawn`; these rows only grow."""
    await (await driver(tx)).execute(
        "INSERT INTO evidence_waivers (tenant_id, row_id, case_id, item, what, reason, who, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant_id, uuid7(), case_id, item, what, reason, who, now,
    )  # fmt: skip


async def _asked(tx: AsyncConnection, keys: Collection[Key]) -> dict[Key, set[str]]:
    """Return the codes of what payers ask about cases and was not answered yet."""
    codes = defaultdict[Key, set[str]](set)
    for row in await (await driver(tx)).fetch(_ASKED, *_columns(keys)):
        codes[row["tenant_id"], row["case_id"]] |= {each["code"] for each in row["codes"]}
    return codes


_TO_COLLECT = text(
    "SELECT * FROM (SELECT cases.tenant_id, cases.case_id, category, payer_id, payer_name, remit_id, patient_control_number,"
    " row_number() OVER (PARTITION BY cases.tenant_id ORDER BY collected_at NULLS FIRST, cases.case_id) AS turn FROM cases"
    " LEFT JOIN evidence_collections AS collected ON collected.tenant_id = cases.tenant_id AND collected.case_id = cases.case_id"
    " WHERE state IN ('in_review', 'gathering') AND (collected_at IS NULL OR collected_at < :before)) AS waiting"
    " WHERE turn <= :each ORDER BY tenant_id, turn"
)


async def cases_to_collect(tx: AsyncConnection, before: datetime, each: int) -> dict[str, list[RowMapping]]:
    """Return by tenant cases that somebody works on and that were not looked at since a moment, at most `each` of a tenant."""
    found: dict[str, list[RowMapping]] = {}
    for row in (await tx.execute(_TO_COLLECT, {"before": before, "each": each})).mappings():
        found.setdefault(row["tenant_id"], []).append(row)
    return found


async def mark_collected(tx: AsyncConnection, tenant_id: str, case_id: UUID, now: datetime) -> None:
    await (await driver(tx)).execute(
        "INSERT INTO evidence_collections (tenant_id, case_id, collected_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (tenant_id, case_id) DO UPDATE SET collected_at = excluded.collected_at",
        tenant_id, case_id, now,
    )  # fmt: skip


_OF_CASES = (
    "SELECT tenant_id, case_id, category, payer_id FROM cases"
    " WHERE (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))"
)
_DOCUMENTS = (
    "SELECT tenant_id, case_id, document_id, kind FROM documents WHERE state = 'current'"
    " AND (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) ORDER BY place, document_id"
)
_ASKED = (
    "SELECT tenant_id, case_id, codes FROM records_requests WHERE answered_by IS NULL"
    " AND (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))"
)


async def checked(tx: AsyncConnection, keys: Collection[Key]) -> dict[Key, tuple[list[Checked], Waivers]]:
    """Return, for each case (tenant, id), its checklist as it stands, and its waivers."""
    connection = await driver(tx)
    own = await own_lists(tx, [tenant for tenant, _ in keys])
    documents = defaultdict[Key, list[Mapping[str, Any]]](list)
    for row in await connection.fetch(_DOCUMENTS, *_columns(keys)):
        documents[row["tenant_id"], row["case_id"]].append(row)
    waived = await waivers(tx, keys)
    asked = await _asked(tx, keys)
    found = {}
    for row in await connection.fetch(_OF_CASES, *_columns(keys)):
        key = (row["tenant_id"], row["case_id"])
        wanted = with_asked(choose(row["category"], row["payer_id"], own[row["tenant_id"]]), asked[key])
        found[key] = check(wanted, documents[key], waived[key]), waived[key]
    return found


async def lacking(tx: AsyncConnection, keys: Collection[Key]) -> dict[Key, list[str]]:
    """Return, for each case (tenant, id) that something keeps from `ready`, the items that do."""
    missing = {key: [each.item for each in items if each.keeps_back] for key, (items, _) in (await checked(tx, keys)).items()}
    return {key: items for key, items in missing.items() if items}


def _columns(keys: Collection[Key]) -> tuple[list[str], list[UUID]]:
    return [tenant for tenant, _ in keys], [case_id for _, case_id in keys]
