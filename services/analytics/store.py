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
from libs.common.reversals import Reversible, Twin

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
    acknowledgement_id: UUID | None = None


async def insert_remits(tx: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY facts of remits, in the order of REMIT_COLUMNS."""
    await copy_rows(tx, "remit_facts", REMIT_COLUMNS, rows)


_REVERSED_TWINS = """
SELECT DISTINCT tenant_id, claim_key, payer_id, -charge_cents, -paid_cents FROM remit_facts
WHERE kind = 'reversal' AND (tenant_id, claim_key, payer_id, -charge_cents, -paid_cents)
    IN (SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[]))
"""
_OF_TWINS = """
SELECT remit_facts.*
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[]) AS twin (tenant, key, payer, charge, paid)
JOIN remit_facts ON tenant_id = tenant AND claim_key = key AND payer_id = payer
WHERE (kind = 'adjudication' AND charge_cents = charge AND paid_cents = paid)
   OR (kind = 'reversal' AND -charge_cents = charge AND -paid_cents = paid)
ORDER BY tenant_id, claim_key, remit_id FOR UPDATE OF remit_facts
"""


async def reversed_twins(tx: AsyncConnection, twins: Collection[Twin]) -> list[Twin]:
    """Return those twins that a reversal is among."""
    rows = await (await driver(tx)).fetch(_REVERSED_TWINS, *map(list, zip(*twins, strict=True)))
    return [tuple(row) for row in rows]


PairedWith = dict[Reversible, UUID | None]


async def remits_of(tx: AsyncConnection, twins: Collection[Twin]) -> tuple[PairedWith, PairedWith]:
    """Lock and return (adjudications, reversals with their signs turned back) of some twins, each with what it is paired with."""
    adjudications: PairedWith = {}
    reversals: PairedWith = {}
    for row in await (await driver(tx)).fetch(_OF_TWINS, *map(list, zip(*twins, strict=True))):
        sign = -1 if row["kind"] == "reversal" else 1
        found = Reversible(
            row["remit_id"],
            row["tenant_id"],
            row["claim_key"],
            row["payer_id"],
            row["payer_claim_control_number"],
            row["payment_on"],
            sign * row["charge_cents"],
            sign * row["paid_cents"],
        )
        (reversals if sign < 0 else adjudications)[found] = row["undone_by"]
    return adjudications, reversals


_PAIR = """
UPDATE remit_facts SET undone_by = pairs.by
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) AS pairs (tenant_id, claim_key, remit_id, by)
WHERE remit_facts.tenant_id = pairs.tenant_id AND remit_facts.claim_key = pairs.claim_key AND remit_facts.remit_id = pairs.remit_id
"""


async def set_pairs(tx: AsyncConnection, paired_with: PairedWith) -> None:
    """Write with what each remit is paired: an adjudication with its reversal, a reversal with what it undid, or none."""
    if paired_with:
        rows = [(each.tenant_id, each.claim_key, each.remit_id, other) for each, other in paired_with.items()]
        await (await driver(tx)).execute(_PAIR, *map(list, zip(*rows, strict=True)))


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
