"""Dead letters over HTTP: listed, shown and replayed from the outbox that holds them."""

from datetime import datetime
from uuid import UUID

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import lock_name
from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_number_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.messaging import dead_letters, outbox
from libs.common.messaging.dead_letters import UNKNOWN_TENANT, DeadLetter

router = APIRouter(tags=["dead letters"])


class DeadLetterView(BaseModel):
    dead_letter_id: UUID
    topic: str
    partition: int
    offset: int
    reason: str = Field(description="stable: not_json, violates_contract, unknown_type, too_large, ...")
    buried_at: datetime
    replayed_at: datetime | None = None


class DeadLetterDetail(DeadLetterView):
    key: str | None
    headers: dict[str, str]
    value: str = Field(description="base64 of the record's bytes")


_ROWS = """
SELECT letter.id, letter.seq, letter.payload, letter.created_at,
       (SELECT max(again.created_at) FROM outbox AS again
        WHERE again.headers LIKE '%"ce_replayof":%' AND again.headers LIKE '%"ce_replayof":"' || letter.id || '"%'
          AND again.seq > letter.seq) AS replayed_at
FROM outbox AS letter
WHERE letter.aggregatetype LIKE '%.dlq' AND letter.tenant_id IN (:tenant, :unknown)
"""


@router.get("/v1/dead-letters", summary="Records that could not be processed, newest first", responses=responses(400, 422))
async def list_dead_letters(
    tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[DeadLetterView]:
    before = read_number_cursor(cursor, tenant, {})
    query = text(_ROWS + " AND (CAST(:before AS bigint) IS NULL OR letter.seq < :before) ORDER BY letter.seq DESC LIMIT :limit")
    values = {
        "tenant": tenant,
        "unknown": UNKNOWN_TENANT,
        "before": before,
        "limit": limit + 1,
    }
    async with database.begin(tenant) as tx:
        rows = (await tx.execute(query, values)).all()
    return cut_page(
        rows,
        limit,
        tenant,
        {},
        lambda row: _view(row.id, _letter(row.payload), row.created_at, row.replayed_at),
        position=lambda row: row.seq,
    )


@router.get("/v1/dead-letters/{dead_letter_id}", summary="One of them, as it came in", responses=responses(404, 422))
async def show_dead_letter(dead_letter_id: UUID, tenant: TenantDep, database: DatabaseDep) -> DeadLetterDetail:
    async with database.begin(tenant) as tx:
        letter, created_at, replayed_at = await _find(tx, tenant, dead_letter_id)
    view = _view(dead_letter_id, letter, created_at, replayed_at)
    return DeadLetterDetail(**view.model_dump(), key=letter.key, headers=letter.headers, value=letter.value)


@router.post(
    "/v1/dead-letters/{dead_letter_id}/replay",
    summary="Send its record to its topic again",
    status_code=202,
    responses=responses(404, 409, 422),
)
async def replay_dead_letter(dead_letter_id: UUID, tenant: TenantDep, database: DatabaseDep) -> DeadLetterView:
    """The record goes out as it came in; consumers that dealt with it before skip it. A second replay is refused."""
    async with database.begin(tenant) as tx:
        # Two at once would both find it not yet replayed; the outbox is append-only, so there is no row of ours to lock.
        await lock_name(tx, str(dead_letter_id))
        letter, created_at, replayed_at = await _find(tx, tenant, dead_letter_id)
        if replayed_at is not None:
            raise Problem(409, "already-replayed", "This dead letter was replayed before; if it failed again it has a new one.")
        if not letter.can_be_replayed:
            raise Problem(409, "not-replayable", "Its key is no text, so that it cannot be sent again as it was.")
        await outbox.append_rows(tx, [dead_letters.replay_row(letter, dead_letter_id)])
        letter, created_at, replayed_at = await _find(tx, tenant, dead_letter_id)
    return _view(dead_letter_id, letter, created_at, replayed_at)


async def _find(tx: AsyncConnection, tenant: str, dead_letter_id: UUID) -> tuple[DeadLetter, datetime, datetime | None]:
    values = {"tenant": tenant, "unknown": UNKNOWN_TENANT, "id": dead_letter_id}
    row = (await tx.execute(text(_ROWS + " AND letter.id = :id"), values)).first()
    if row is None:
        raise not_found("dead letter")
    return _letter(row.payload), row.created_at, row.replayed_at


def _letter(payload: bytes) -> DeadLetter:
    return msgspec.json.decode(payload, type=DeadLetter)


def _view(dead_letter_id: UUID, letter: DeadLetter, created_at: datetime, replayed_at: datetime | None) -> DeadLetterView:
    return DeadLetterView(
        dead_letter_id=dead_letter_id,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        reason=letter.reason,
        buried_at=created_at,
        replayed_at=replayed_at,
    )
