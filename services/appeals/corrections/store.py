"""The SQL of corrected claims; nothing here commits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.sealing.keys import cipher_of
from services.appeals.corrections.correcting import Difference
from services.appeals.seals import DIFFERENCE

_encode = msgspec.json.Encoder().encode

_BEGIN = """
INSERT INTO corrected_claims (tenant_id, correction_id, case_id, state, frequency_code, replaces_claim_id, difference, why, who,
    begun_at)
VALUES ($1, $2, $3, 'sending', $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant_id, correction_id) DO NOTHING
"""


async def begin(
    tx: AsyncConnection,
    tenant_id: str,
    correction_id: UUID,
    case_id: UUID,
    *,
    frequency_code: str,
    replaces_claim_id: UUID,
    difference: Sequence[Difference],
    why: str,
    who: str,
    now: datetime,
) -> None:
    """Say that a corrected claim is about to be sent, before it is: one that is broken off is seen."""
    told = (await cipher_of(tx, tenant_id)).seal(DIFFERENCE, (correction_id,), _encode(difference))
    values: tuple[Any, ...] = (tenant_id, correction_id, case_id, frequency_code, replaces_claim_id, told, why, who, now)
    await (await driver(tx)).execute(_BEGIN, *values)


async def finish(tx: AsyncConnection, tenant_id: str, correction_id: UUID, claim_id: UUID, now: datetime) -> None:
    await (await driver(tx)).execute(
        "UPDATE corrected_claims SET state = 'sent', claim_id = $3, sent_at = $4"
        " WHERE tenant_id = $1 AND correction_id = $2 AND state = 'sending'",
        tenant_id, correction_id, claim_id, now,
    )  # fmt: skip


async def get(tx: AsyncConnection, tenant_id: str, correction_id: UUID) -> Mapping[str, Any] | None:
    query = text("SELECT * FROM corrected_claims WHERE tenant_id = :tenant AND correction_id = :id")
    rows = (await tx.execute(query, {"tenant": tenant_id, "id": correction_id})).mappings()
    return next(iter(await _opened(tx, tenant_id, rows)), None)


async def of_case(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[Mapping[str, Any]]:
    """Return a case's corrected claims, newest first."""
    query = text(
        "SELECT * FROM corrected_claims WHERE tenant_id = :tenant AND case_id = :case ORDER BY begun_at DESC, correction_id"
    )
    return await _opened(tx, tenant_id, (await tx.execute(query, {"tenant": tenant_id, "case": case_id})).mappings())


async def _opened(tx: AsyncConnection, tenant_id: str, rows: Iterable[RowMapping]) -> list[Mapping[str, Any]]:
    cipher = await cipher_of(tx, tenant_id)
    return [
        {**row, "difference": msgspec.json.decode(cipher.open(DIFFERENCE, (row["correction_id"],), row["difference"]))}
        for row in rows
    ]


async def get_case(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> RowMapping | None:
    """Return a case's remit, its claim's number with the payer, and the claim that was corrected here before.

    The corrected claim may match the remit better than the one that the remit answers; what is corrected stays that one.
    """
    query = text(
        "SELECT remit_id, payer_claim_control_number, ("
        "SELECT replaces_claim_id FROM corrected_claims WHERE corrected_claims.tenant_id = cases.tenant_id"
        " AND corrected_claims.case_id = cases.case_id ORDER BY begun_at LIMIT 1"
        ") AS corrected_before FROM cases WHERE tenant_id = :tenant AND case_id = :case"
    )
    return (await tx.execute(query, {"tenant": tenant_id, "case": case_id})).mappings().first()
