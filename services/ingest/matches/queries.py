"""What the API asks about matches, balances and provider adjustments; nothing here commits."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.remit_received import RemitReceivedV1
from services.ingest.provider_adjustments import keys_in, numbers_in

_told = msgspec.json.Decoder(RemitReceivedV1).decode

_MATCHES = """
SELECT m.remit_row_id AS row_id, m.remit_id, r.remittance_id, m.claim_key, r.patient_control_number, m.payer_claim_control_number,
       p.payer_id, p.payer_name, r.claim_status_code, r.payment_on, r.charge_cents, r.paid_cents, m.result, m.claim_id, m.score,
       m.differences, m.decided_by, m.decided_at
FROM matches AS m
JOIN remits AS r ON r.tenant_id = m.tenant_id AND r.remit_id = m.remit_id
JOIN remittances AS p ON p.tenant_id = r.tenant_id AND p.remittance_id = r.remittance_id
WHERE m.tenant_id = :tenant
"""


async def list_matches(
    tx: AsyncConnection, tenant_id: str, result: str | None, claim_id: UUID | None, before: UUID | None, limit: int
) -> list[RowMapping]:
    """Return matches, newest remit first."""
    query, values = _MATCHES, {"tenant": tenant_id, "limit": limit}
    for name, column, value in (
        ("result", "m.result =", result),
        ("claim", "m.claim_id =", claim_id),
        ("before", "m.remit_row_id <", before),
    ):
        if value is not None:
            query += f" AND {column} :{name}"
            values[name] = value
    if result in ("ambiguous", "unmatched"):
        query += " AND m.result IN ('ambiguous', 'unmatched')"  # in words: a parameter does not tell that their index serves
    return list((await tx.execute(text(query + " ORDER BY m.remit_row_id DESC LIMIT :limit"), values)).mappings())


async def get_match(tx: AsyncConnection, tenant_id: str, remit_id: UUID) -> RowMapping | None:
    query = _MATCHES + " AND m.remit_row_id = (SELECT row_id FROM remits WHERE tenant_id = :tenant AND remit_id = :remit)"  # noqa: S608 - our own text
    return (await tx.execute(text(query), {"tenant": tenant_id, "remit": remit_id})).mappings().first()


async def get_history(tx: AsyncConnection, tenant_id: str, row_id: UUID) -> list[RowMapping]:
    query = text("SELECT * FROM match_history WHERE tenant_id = :tenant AND remit_row_id = :row ORDER BY row_id")
    return list((await tx.execute(query, {"tenant": tenant_id, "row": row_id})).mappings())


async def get_claim(tx: AsyncConnection, tenant_id: str, claim_id: UUID) -> RowMapping | None:
    query = text(
        "SELECT claim_id, claim_key, patient_control_number, charge_cents FROM claims WHERE tenant_id = :t AND claim_id = :c"
    )
    return (await tx.execute(query, {"t": tenant_id, "c": claim_id})).mappings().first()


_ALSO_SENT = """
SELECT other.claim_id FROM claims AS own JOIN claims AS other
  ON other.tenant_id = own.tenant_id AND other.claim_key = own.claim_key AND other.charge_cents = own.charge_cents
 AND other.service_from_on IS NOT DISTINCT FROM own.service_from_on AND other.payer_sequence <> own.payer_sequence
 AND other.frequency_code = own.frequency_code
WHERE own.tenant_id = :t AND own.claim_id = :c ORDER BY other.row_id
"""


async def also_sent(tx: AsyncConnection, tenant_id: str, claim_id: UUID) -> list[UUID]:
    """Return the claims by which the same services were sent to other payers, as secondary or primary."""
    return [row.claim_id for row in await tx.execute(text(_ALSO_SENT), {"t": tenant_id, "c": claim_id})]


async def answers_to(tx: AsyncConnection, tenant_id: str, claim_ids: Sequence[UUID]) -> list[RemitReceivedV1]:
    """Return the remits that answer some claims."""
    query = text(
        "SELECT r.told FROM matches AS m JOIN remits AS r ON r.tenant_id = m.tenant_id AND r.remit_id = m.remit_id"
        " WHERE m.tenant_id = :t AND m.claim_id = ANY (:c) ORDER BY m.remit_row_id"
    )
    return [_told(row.told) for row in await tx.execute(query, {"t": tenant_id, "c": list(claim_ids)})]


_ADJUSTMENTS = """
SELECT p.row_id, a.ordinal, a.remittance_id, p.payer_id, p.payer_name, p.trace_number, p.payment_on, a.provider_id,
       a.fiscal_period_on, a.reason_code, a.reference_id, a.amount_cents
FROM provider_adjustments AS a
JOIN remittances AS p ON p.tenant_id = a.tenant_id AND p.remittance_id = a.remittance_id
WHERE a.tenant_id = :tenant
"""


async def list_provider_adjustments(
    tx: AsyncConnection, tenant_id: str, wanted: Mapping[str, Any], before: tuple[UUID, int] | None, limit: int
) -> list[RowMapping]:
    """Return provider adjustments, newest payment first. `wanted` maps columns of ours to the value that they must equal."""
    query = _ADJUSTMENTS
    values: dict[str, Any] = {"tenant": tenant_id, "limit": limit}
    for name, value in wanted.items():
        if value is not None:
            query += f" AND {name} = :{name}"
            values[name] = value
    if before is not None:
        query += " AND (p.row_id < :row OR p.row_id = :row AND a.ordinal > :ordinal)"
        values |= {"row": before[0], "ordinal": before[1]}
    return list((await tx.execute(text(query + " ORDER BY p.row_id DESC, a.ordinal LIMIT :limit"), values)).mappings())


_NAMED = """
SELECT payer_claim_control_number, claim_key, claim_id FROM claims
WHERE tenant_id = :t
  AND (claim_key = ANY (:keys) OR payer_claim_control_number = ANY (:numbers) AND payer_claim_control_number <> '')
UNION
SELECT payer_claim_control_number, claim_key, claim_id FROM matches
WHERE tenant_id = :t AND claim_id IS NOT NULL AND payer_claim_control_number <> '' AND payer_claim_control_number = ANY (:numbers)
"""


async def claims_named(tx: AsyncConnection, tenant_id: str, references: Collection[str]) -> dict[str, list[UUID]]:
    """Return the claims that references name: by the payer's number of the claim, or of a remit that answers it, or by account."""
    numbers = {number for each in references for number in numbers_in(each)}
    keys = {key for each in references for key in keys_in(tenant_id, each)}
    if not numbers:
        return {}
    by_name: dict[UUID | str, set[UUID]] = {}
    for row in await tx.execute(text(_NAMED), {"t": tenant_id, "keys": list(keys), "numbers": list(numbers)}):
        by_name.setdefault(row.payer_claim_control_number, set()).add(row.claim_id)
        by_name.setdefault(row.claim_key, set()).add(row.claim_id)
    found: dict[str, list[UUID]] = {}
    for each in references:
        names: tuple[UUID | str, ...] = (*numbers_in(each), *keys_in(tenant_id, each))
        found[each] = sorted({claim_id for name in names for claim_id in by_name.get(name, ())})
    return found
