"""What ingest's API asks of the database; nothing here commits."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.sealing.keys import cipher_of
from services.ingest.packing import unpack
from services.ingest.seals import BLOCK

_decode_told = msgspec.json.Decoder(RemitReceivedV1).decode

_INTERCHANGE = (
    "SELECT interchange_id, row_id, sha256, size_bytes, status, received_at, finished_at, bytes_read, claims_read, error_count,"
    " split_part(traceparent, '-', 2) AS trace_id"
    " FROM interchanges WHERE tenant_id = :tenant"
)


async def get_interchange(tx: AsyncConnection, tenant_id: str, interchange_id: UUID) -> RowMapping | None:
    found = await tx.execute(text(_INTERCHANGE + " AND interchange_id = :id"), {"tenant": tenant_id, "id": interchange_id})
    return found.mappings().first()


async def list_interchanges(tx: AsyncConnection, tenant_id: str, before: UUID | None, limit: int) -> list[RowMapping]:
    """Return interchanges, newest first."""
    return await _newest(tx, _INTERCHANGE, {"tenant": tenant_id}, {}, before, limit)


async def get_transactions(tx: AsyncConnection, tenant_id: str, interchange_id: UUID, after: int, limit: int) -> list[RowMapping]:
    """Return transactions in file order, from the one after an ordinal on."""
    query = text(
        "SELECT * FROM transactions WHERE tenant_id = :tenant AND interchange_id = :id AND ordinal > :after"
        " ORDER BY ordinal LIMIT :limit"
    )
    values = {"tenant": tenant_id, "id": interchange_id, "after": after, "limit": limit}
    return list((await tx.execute(query, values)).mappings())


_FILE_TOTALS = """
SELECT count(*) AS transactions, COALESCE(sum(claims), 0)::bigint AS claims, COALESCE(sum(claims_new), 0)::bigint AS claims_new,
       COALESCE(sum(claims_duplicate), 0)::bigint AS claims_duplicate,
       COALESCE(sum(claims_conflicting), 0)::bigint AS claims_conflicting,
       COALESCE(sum(claims_unreadable), 0)::bigint AS claims_unreadable, COALESCE(sum(charge_cents), 0)::bigint AS charge_cents,
       COALESCE(sum(paid_cents), 0)::bigint AS paid_cents, COALESCE(sum(adjustment_cents), 0)::bigint AS adjustment_cents
FROM transactions WHERE tenant_id = :tenant AND interchange_id = :id
"""


async def get_totals(tx: AsyncConnection, tenant_id: str, interchange_id: UUID) -> RowMapping:
    """Return the sums over all transactions of a file."""
    return (await tx.execute(text(_FILE_TOTALS), {"tenant": tenant_id, "id": interchange_id})).mappings().one()


async def get_findings(tx: AsyncConnection, tenant_id: str, interchange_id: UUID, after: int, limit: int) -> list[RowMapping]:
    """Return findings in file order, from the one after an ordinal on."""
    query = text(
        "SELECT ordinal, finding FROM findings WHERE tenant_id = :tenant AND interchange_id = :id AND ordinal > :after"
        " ORDER BY ordinal LIMIT :limit"
    )
    values = {"tenant": tenant_id, "id": interchange_id, "after": after, "limit": limit}
    return list((await tx.execute(query, values)).mappings())


async def has_bytes(tx: AsyncConnection, tenant_id: str, interchange_id: UUID) -> bool:
    """Say whether a file's bytes are still kept."""
    query = text("SELECT EXISTS (SELECT FROM interchange_chunks WHERE tenant_id = :tenant AND interchange_id = :id)")
    return bool((await tx.execute(query, {"tenant": tenant_id, "id": interchange_id})).scalar_one())


async def raw_chunk(tx: AsyncConnection, tenant_id: str, interchange_id: UUID, ordinal: int) -> bytes | None:
    """Return a piece of a file's bytes as they were received; None after the last."""
    query = text("SELECT body FROM interchange_chunks WHERE tenant_id = :tenant AND interchange_id = :id AND ordinal = :n")
    body = (await tx.execute(query, {"tenant": tenant_id, "id": interchange_id, "n": ordinal})).scalar_one_or_none()
    if body is None:
        return None
    return unpack((await cipher_of(tx, tenant_id)).open(BLOCK, (interchange_id, ordinal), body))


async def list_remittances(
    tx: AsyncConnection,
    tenant_id: str,
    wanted: Mapping[str, Any],
    first: date | None,
    last: date | None,
    before: UUID | None,
    limit: int,
) -> list[RowMapping]:
    """Return payments, newest first. `wanted` maps column names of ours to the value that they must equal."""
    query = "SELECT * FROM remittances WHERE tenant_id = :tenant"
    values: dict[str, Any] = {"tenant": tenant_id}
    for name, value in wanted.items():
        if value is not None:
            query += f" AND {name} = :{name}"
            values[name] = value
    period = {"first": (first, "payment_on >= :first"), "last": (last, "payment_on <= :last")}
    return await _newest(tx, query, values, period, before, limit)


async def _newest(
    tx: AsyncConnection,
    query: str,
    values: dict[str, Any],
    optional: Mapping[str, tuple[Any, str]],
    before: UUID | None,
    limit: int,
) -> list[RowMapping]:
    for name, (value, condition) in {**optional, "before": (before, "row_id < :before")}.items():
        if value is not None:
            query += f" AND {condition}"
            values[name] = value
    found = await tx.execute(text(f"{query} ORDER BY row_id DESC LIMIT :limit"), {**values, "limit": limit})
    return list(found.mappings())


_TOTALS = text(
    """
    SELECT count(*) AS remits,
           COALESCE(sum(charge_cents), 0)::bigint AS charge_cents,
           COALESCE(sum(paid_cents), 0)::bigint AS paid_cents,
           COALESCE(sum(adjustment_cents), 0)::bigint AS adjustment_cents,
           COALESCE(sum(unbalanced_cents), 0)::bigint AS unbalanced_cents
    FROM remits WHERE tenant_id = :tenant AND remittance_id = :id
    """
)


async def get_remittance(tx: AsyncConnection, tenant_id: str, remittance_id: UUID) -> RowMapping | None:
    query = text("SELECT * FROM remittances WHERE tenant_id = :tenant AND remittance_id = :id")
    return (await tx.execute(query, {"tenant": tenant_id, "id": remittance_id})).mappings().first()


async def remittance_totals(tx: AsyncConnection, tenant_id: str, remittance_id: UUID) -> RowMapping:
    """Return the sums over a payment's remits; bounded by the payment's own size."""
    return (await tx.execute(_TOTALS, {"tenant": tenant_id, "id": remittance_id})).mappings().one()


async def get_provider_adjustments(tx: AsyncConnection, tenant_id: str, remittance_id: UUID) -> list[RowMapping]:
    query = text("SELECT * FROM provider_adjustments WHERE tenant_id = :tenant AND remittance_id = :id ORDER BY ordinal")
    return list((await tx.execute(query, {"tenant": tenant_id, "id": remittance_id})).mappings())


async def list_remits(
    tx: AsyncConnection, tenant_id: str, remittance_id: UUID, after: UUID | None, limit: int
) -> list[tuple[UUID, RemitReceivedV1]]:
    """Return a payment's remits in the order of their booking, each with its row id."""
    query = "SELECT row_id, told FROM remits WHERE tenant_id = :tenant AND remittance_id = :id"
    values: dict[str, Any] = {"tenant": tenant_id, "id": remittance_id, "limit": limit}
    if after is not None:
        query += " AND row_id > :after"
        values["after"] = after
    found = await tx.execute(text(query + " ORDER BY row_id LIMIT :limit"), values)
    return [(row.row_id, _decode_told(row.told)) for row in found]


async def get_remit(tx: AsyncConnection, tenant_id: str, remit_id: UUID) -> RemitReceivedV1 | None:
    """Return a remit as it was told."""
    query = text("SELECT told FROM remits WHERE tenant_id = :tenant AND remit_id = :id")
    told = (await tx.execute(query, {"tenant": tenant_id, "id": remit_id})).scalar_one_or_none()
    return None if told is None else _decode_told(told)
