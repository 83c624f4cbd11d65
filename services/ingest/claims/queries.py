"""What the API asks of the database about claims; nothing here commits."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.sealing.keys import cipher_of
from services.ingest.seals import CLAIM

_COLUMNS = (
    "claim_id, row_id, claim_key, patient_control_number, claim_type, frequency_code, state, charge_cents, payer_id, payer_name,"
    " payer_kind, claim_filing_code, payer_sequence, billing_npi, rendering_npi, facility_code, service_from_on, service_to_on,"
    " payer_claim_control_number, original_payer_claim_control_number, replaces_claim_id, interchange_id, submitted_at, coder"
)
_CLAIM = text(
    f"SELECT {_COLUMNS}, content, (SELECT later.claim_id FROM claims later"  # noqa: S608 - columns are ours
    " WHERE later.tenant_id = claims.tenant_id AND later.replaces_claim_id = claims.claim_id ORDER BY later.row_id DESC LIMIT 1"
    ") AS replaced_by_claim_id FROM claims WHERE tenant_id = :tenant AND claim_id = :id"
)
_PARTS = (
    "SELECT * FROM claim_history WHERE tenant_id = :tenant AND claim_id = :id ORDER BY row_id",
    "SELECT * FROM acknowledgements WHERE tenant_id = :tenant AND claim_id = :id ORDER BY row_id",
    "SELECT remit_id FROM matches WHERE tenant_id = :tenant AND claim_id = :id ORDER BY remit_row_id LIMIT 100",
)

Parts = tuple[Mapping[Any, Any], list[RowMapping], list[RowMapping], list[RowMapping]]


async def get_claim(tx: AsyncConnection, tenant_id: str, claim_id: UUID) -> Parts | None:
    """Return a claim with its content, what happened to it since it was submitted, and what was answered to it."""
    values = {"tenant": tenant_id, "id": claim_id}
    row = (await tx.execute(_CLAIM, values)).mappings().first()
    if row is None:
        return None
    history, acknowledgements, answers = [list((await tx.execute(text(query), values)).mappings()) for query in _PARTS]
    content = (await cipher_of(tx, tenant_id)).open(CLAIM, (claim_id,), row["content"])
    return {**row, "content": content}, history, acknowledgements, answers


async def get_content(tx: AsyncConnection, tenant_id: str, claim_id: UUID) -> bytes | None:
    """Return a claim's packed content, with patient data."""
    query = text("SELECT content FROM claims WHERE tenant_id = :tenant AND claim_id = :id")
    content: bytes | None = (await tx.execute(query, {"tenant": tenant_id, "id": claim_id})).scalar_one_or_none()
    return None if content is None else (await cipher_of(tx, tenant_id)).open(CLAIM, (claim_id,), content)


async def get_sent(tx: AsyncConnection, tenant_id: str, claim_id: UUID) -> tuple[bytes, str] | None:
    """Return a claim's packed content, and the payer's number of it (empty: not known)."""
    query = text("SELECT content, payer_claim_control_number FROM claims WHERE tenant_id = :tenant AND claim_id = :id")
    row = (await tx.execute(query, {"tenant": tenant_id, "id": claim_id})).one_or_none()
    if row is None:
        return None
    return (await cipher_of(tx, tenant_id)).open(CLAIM, (claim_id,), row.content), row.payer_claim_control_number


async def list_claims(
    tx: AsyncConnection,
    tenant_id: str,
    wanted: Mapping[str, Any],
    first: date | None,
    last: date | None,
    before: UUID | None,
    limit: int,
) -> list[RowMapping]:
    """Return claims, newest first. `wanted` maps column names of ours to the value that they must equal; None is any."""
    conditions = {
        **{name: (value, f"{name} = :{name}") for name, value in wanted.items()},
        "first": (first, "service_from_on >= :first"),
        "last": (last, "service_from_on <= :last"),
        "before": (before, "row_id < :before"),
    }
    asked = {name: told for name, told in conditions.items() if told[0] is not None}
    query = " AND ".join(
        [f"SELECT {_COLUMNS} FROM claims WHERE tenant_id = :tenant", *(condition for _, condition in asked.values())]  # noqa: S608 - ours
    )
    values = {name: value for name, (value, _) in asked.items()}
    found = await tx.execute(text(f"{query} ORDER BY row_id DESC LIMIT :limit"), {"tenant": tenant_id, "limit": limit, **values})
    return list(found.mappings())
