"""What ingest told of an account by its own rows: an event of a claim or of a remit has its row's id."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts import claim_submitted, remit_received
from libs.common.http.trails import Told
from libs.common.ids import made_at

_TOLD: Final = text(
    """
    SELECT claims.row_id AS event_id, :submitted AS type, COALESCE(claims.interchange_id, claims.claim_id)::text AS cause,
           COALESCE(claims.trace_id, split_part(files.traceparent, '-', 2)) AS trace_id
    FROM claims LEFT JOIN interchanges AS files USING (tenant_id, interchange_id)
    WHERE tenant_id = :tenant AND claims.claim_key = :key
    UNION ALL
    SELECT matches.remit_row_id, :received, remits.interchange_id::text, split_part(files.traceparent, '-', 2)
    FROM matches JOIN remits USING (tenant_id, remit_id) JOIN interchanges AS files USING (tenant_id, interchange_id)
    WHERE tenant_id = :tenant AND matches.claim_key = :key
    """
)


async def told_of_account(tx: AsyncConnection, tenant_id: str, key: UUID, _: Sequence[UUID]) -> Sequence[Told]:
    """Return the first event of each claim and of each remit of an account."""
    types = {"submitted": claim_submitted.TYPE, "received": remit_received.TYPE}
    found = await tx.execute(_TOLD, {"tenant": tenant_id, "key": key, **types})
    return [Told.model_validate({**row, "at": made_at(row["event_id"]), "sent": None}) for row in found.mappings()]
