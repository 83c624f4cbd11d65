"""Analytics' SQL; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import copy_rows, driver
from libs.common.money import Cents
from libs.common.reversals import Reversible

REMIT_COLUMNS = (
    "tenant_id", "claim_key", "remit_id", "payer_id", "payer_name", "payer_claim_control_number", "payment_on", "kind",
    "charge_cents", "paid_cents",
)  # fmt: skip


class Denial(Struct, frozen=True, gc=False):
    """What analytics reads of `denial.classified`."""

    denial_id: UUID
    remit_id: UUID
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    status: str
    payer_id: str
    payer_name: str
    payment_on: date
    category: str
    denied_cents: Cents


async def insert_remits(tx: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY facts of remits, in the order of REMIT_COLUMNS."""
    await copy_rows(tx, "remit_facts", REMIT_COLUMNS, rows)


_OPEN = """
SELECT remit_id AS id, tenant_id, claim_key, payer_id, payer_claim_control_number, charge_cents, paid_cents, kind
FROM remit_facts
WHERE undone_by IS NULL AND kind IN ('adjudication', 'reversal')
  AND (tenant_id, claim_key) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
ORDER BY tenant_id, claim_key, remit_id FOR UPDATE
"""
_REVERSALS_AMONG = """
SELECT DISTINCT tenant_id, claim_key FROM remit_facts
WHERE kind = 'reversal' AND undone_by IS NULL AND (tenant_id, claim_key) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""


async def accounts_with_open_reversals(tx: AsyncConnection, accounts: Collection[tuple[str, UUID]]) -> list[tuple[str, UUID]]:
    """Return those accounts (tenant, claim key) in which a reversal waits for what it undoes."""
    rows = await (await driver(tx)).fetch(_REVERSALS_AMONG, [tenant for tenant, _ in accounts], [key for _, key in accounts])
    return [(row["tenant_id"], row["claim_key"]) for row in rows]


async def open_remits(tx: AsyncConnection, accounts: Collection[tuple[str, UUID]]) -> tuple[list[Reversible], list[Reversible]]:
    """Lock and return (adjudications that nothing undid, reversals that undid nothing, with signs turned back)."""
    rows = await (await driver(tx)).fetch(_OPEN, [tenant for tenant, _ in accounts], [key for _, key in accounts])
    adjudications: list[Reversible] = []
    reversals: list[Reversible] = []
    for row in rows:
        sign = -1 if row["kind"] == "reversal" else 1
        found = Reversible(
            row["id"],
            row["tenant_id"],
            row["claim_key"],
            row["payer_id"],
            row["payer_claim_control_number"],
            sign * row["charge_cents"],
            sign * row["paid_cents"],
        )
        (reversals if sign < 0 else adjudications).append(found)
    return adjudications, reversals


_UNDO = """
UPDATE remit_facts SET undone_by = pairs.by
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) AS pairs (tenant_id, claim_key, remit_id, by)
WHERE remit_facts.tenant_id = pairs.tenant_id AND remit_facts.claim_key = pairs.claim_key AND remit_facts.remit_id = pairs.remit_id
"""


async def undo(tx: AsyncConnection, pairs: Sequence[tuple[Reversible, UUID]]) -> None:
    """Mark adjudications and their reversals (by remit id) as each other's."""
    both = [(each.tenant_id, each.claim_key, each.id, by) for each, by in pairs]
    both += [(each.tenant_id, each.claim_key, by, each.id) for each, by in pairs]
    if both:
        await (await driver(tx)).execute(_UNDO, *map(list, zip(*both, strict=True)))


_SAVE = """
INSERT INTO denial_facts
    (tenant_id, denial_id, remit_id, revision, active, payer_id, payer_name, payment_on, category, denied_cents)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::int[], $5::bool[], $6::text[], $7::text[], $8::date[], $9::text[],
                     $10::bigint[])
ON CONFLICT (tenant_id, denial_id) DO UPDATE SET
    revision = excluded.revision, active = excluded.active, category = excluded.category, denied_cents = excluded.denied_cents
WHERE denial_facts.revision < excluded.revision
"""


async def save_denials(tx: AsyncConnection, denials: Sequence[tuple[str, Denial]]) -> None:
    """Write denials with their tenants; the highest revision stays, whatever the order of arrival."""
    highest: dict[tuple[str, UUID], Denial] = {}
    for tenant_id, denial in denials:
        key = (tenant_id, denial.denial_id)
        if key not in highest or highest[key].revision < denial.revision:
            highest[key] = denial
    rows = [
        (
            tenant_id,
            denial.denial_id,
            denial.remit_id,
            denial.revision,
            denial.status == "active",
            denial.payer_id,
            denial.payer_name,
            denial.payment_on,
            denial.category,
            denial.denied_cents,
        )
        for (tenant_id, _), denial in sorted(highest.items())
    ]
    await (await driver(tx)).execute(_SAVE, *map(list, zip(*rows, strict=True)))


_GROUPS = {
    "payer": ("payer_id", "max(payer_name)"),
    "day": ("payment_on::text", "payment_on::text"),
    None: ("''", "''"),
}


async def adjudicated(
    tx: AsyncConnection, tenant_id: str, first: date | None, last: date | None, by: str | None
) -> list[RowMapping]:
    """Return (key, label, claims, charge_cents) of adjudications that stand, by payer, by day, or in all (None)."""
    key, label = _GROUPS[by]
    query = text(
        f"SELECT {key} AS key, {label} AS label, count(*) AS claims, COALESCE(sum(charge_cents), 0)::bigint AS charge_cents"  # noqa: S608 - ours
        f" FROM remit_facts WHERE tenant_id = :tenant AND kind = 'adjudication' AND undone_by IS NULL{_period(first, last)}"
        f" GROUP BY {key if by else '()'} ORDER BY 1"
    )
    return list((await tx.execute(query, _values(tenant_id, first, last))).mappings())


async def denied(tx: AsyncConnection, tenant_id: str, first: date | None, last: date | None, by: str | None) -> list[RowMapping]:
    """Return (key, label, claims, denied_cents) of active denials, by payer, category, day, or in all (None)."""
    key, label = ("category", "category") if by == "category" else _GROUPS[by]
    query = text(
        f"SELECT {key} AS key, {label} AS label, count(*) AS claims, COALESCE(sum(denied_cents), 0)::bigint AS denied_cents"  # noqa: S608 - ours
        f" FROM denial_facts WHERE tenant_id = :tenant AND active{_period(first, last)} GROUP BY {key if by else '()'} ORDER BY 1"
    )
    return list((await tx.execute(query, _values(tenant_id, first, last))).mappings())


def _period(first: date | None, last: date | None) -> str:
    return (" AND payment_on >= :first" if first else "") + (" AND payment_on <= :last" if last else "")


def _values(tenant_id: str, first: date | None, last: date | None) -> dict[str, Any]:
    return {"tenant": tenant_id, **({"first": first} if first else {}), **({"last": last} if last else {})}
