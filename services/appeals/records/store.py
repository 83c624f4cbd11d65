"""SQL of payers' requests for records; nothing here commits."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.records_requested import AskedCode
from libs.common.database import driver

_encode = msgspec.json.Encoder().encode

Key = tuple[str, UUID]  # tenant, and an account's claim_key or a case


class Asked(Struct, frozen=True, gc=False):
    """What appeals reads of `records.requested`."""

    request_id: UUID
    claim_key: UUID
    payer_id: str
    payer_name: str
    trace: str
    payer_claim_control_number: str
    codes: tuple[AskedCode, ...]
    received_at: datetime
    due_on: date | None = None
    claim_id: UUID | None = None


_INSERT = """
INSERT INTO records_requests (tenant_id, request_id, claim_key, payer_id, payer_name, trace, payer_claim_control_number, codes,
    received_at, due_on, claim_id)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
    $9::timestamptz[], $10::date[], $11::uuid[]) ON CONFLICT DO NOTHING
"""


async def keep(tx: AsyncConnection, told: Sequence[tuple[str, Asked]]) -> None:
    """Write requests, each with its tenant; what is here stays as it is."""
    rows = [
        (
            tenant, each.request_id, each.claim_key, each.payer_id, each.payer_name, each.trace, each.payer_claim_control_number,
            _encode(each.codes).decode(), each.received_at, each.due_on, each.claim_id,
        )
        for tenant, each in told
    ]  # fmt: skip
    await (await driver(tx)).execute(_INSERT, *map(list, zip(*rows, strict=True)))


_WAITING = """
SELECT tenant_id, request_id, claim_key, payer_claim_control_number FROM records_requests
WHERE case_id IS NULL AND (tenant_id, claim_key) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
ORDER BY tenant_id, request_id FOR UPDATE
"""


async def waiting(tx: AsyncConnection, accounts: Collection[Key]) -> list[Mapping[str, Any]]:
    """Lock the requests of some accounts that no case has yet, and return them."""
    return list(await (await driver(tx)).fetch(_WAITING, *map(list, zip(*accounts, strict=True))))


_ATTACH = """
UPDATE records_requests AS r SET case_id = told.case_id, attached_at = $4
FROM unnest($1::text[], $2::uuid[], $3::uuid[]) AS told (tenant_id, request_id, case_id)
WHERE r.tenant_id = told.tenant_id AND r.request_id = told.request_id
"""


async def attach(tx: AsyncConnection, told: Sequence[tuple[str, UUID, UUID]], now: datetime) -> None:
    """Give requests (tenant, request) to their cases."""
    await (await driver(tx)).execute(_ATTACH, *map(list, zip(*told, strict=True)), now)


_DAYS = """
SELECT tenant_id, case_id, min(due_on) AS due_on FROM records_requests
WHERE answered_by IS NULL AND (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) GROUP BY tenant_id, case_id
"""


async def due_days(tx: AsyncConnection, cases: Collection[Key]) -> dict[Key, date | None]:
    """Return, for cases with something to answer, the nearest last day for it."""
    rows = await (await driver(tx)).fetch(_DAYS, *map(list, zip(*cases, strict=True)))
    return {(row["tenant_id"], row["case_id"]): row["due_on"] for row in rows}


async def answer(tx: AsyncConnection, tenant_id: str, case_id: UUID, appeal_id: UUID, request_id: UUID | None) -> bool:
    """Note by which filing one request is answered, or all (None) that a case still had to answer; False where there was none."""
    query = (
        "UPDATE records_requests SET answered_by = $3 WHERE tenant_id = $1 AND case_id = $2 AND answered_by IS NULL"
        " AND ($4::uuid IS NULL OR request_id = $4) RETURNING request_id"
    )
    return bool(await (await driver(tx)).fetch(query, tenant_id, case_id, appeal_id, request_id))


async def unanswer(tx: AsyncConnection, tenant_id: str, appeal_id: UUID) -> bool:
    """Note that what a filing answered is not answered: it never arrived. False where it answered nothing."""
    query = "UPDATE records_requests SET answered_by = NULL WHERE tenant_id = $1 AND answered_by = $2 RETURNING request_id"
    return bool(await (await driver(tx)).fetch(query, tenant_id, appeal_id))


class Answer(Struct, frozen=True, kw_only=True):
    """A 275 that is to be sent: whose bytes lie at `key` until it has gone."""

    tenant_id: str
    appeal_id: UUID
    case_id: UUID
    request_id: UUID
    trace: str
    key: str
    size_bytes: int
    sets: int
    documents: str
    written_at: datetime


_ANSWER_NAMES = Answer.__struct_fields__
_ANSWER_PLACES = ", ".join(f"${place}" for place, _ in enumerate(_ANSWER_NAMES, start=1))
_KEEP_ANSWER = f"INSERT INTO records_answers ({', '.join(_ANSWER_NAMES)}) VALUES ({_ANSWER_PLACES})"  # noqa: S608 - our own names


async def keep_answer(tx: AsyncConnection, answer: Answer) -> None:
    await (await driver(tx)).execute(_KEEP_ANSWER, *(getattr(answer, name) for name in _ANSWER_NAMES))


_LET_GO_ANSWER = """
UPDATE records_answers AS a SET key = NULL FROM filings AS f, cases AS c
WHERE a.tenant_id = $1 AND a.appeal_id = $2 AND f.tenant_id = a.tenant_id AND f.appeal_id = a.appeal_id
  AND c.tenant_id = a.tenant_id AND c.case_id = a.case_id
RETURNING a.trace, a.sets, jsonb_array_length(a.documents) AS documents, f.next_check_on, c.payer_name, c.payer_id
"""


async def let_go_answer(tx: AsyncConnection, tenant_id: str, appeal_id: UUID) -> Mapping[str, Any] | None:
    """Say that a 275's bytes are needed no more: the sweep forgets them. Return what was said of it; None where it is no 275."""
    found: Mapping[str, Any] | None = await (await driver(tx)).fetchrow(_LET_GO_ANSWER, tenant_id, appeal_id)
    return found


async def find(
    tx: AsyncConnection,
    tenant_id: str,
    *,
    attached: bool | None,
    answered: bool | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[RowMapping]:
    """Return what payers asked, newest first; None does not narrow."""
    query = text(
        "SELECT * FROM records_requests WHERE tenant_id = :tenant"
        " AND (CAST(:attached AS boolean) IS NULL OR (case_id IS NOT NULL) = :attached)"
        " AND (CAST(:answered AS boolean) IS NULL OR (answered_by IS NOT NULL) = :answered)"
        " AND (CAST(:at AS timestamptz) IS NULL OR (received_at, request_id) < (:at, CAST(:id AS uuid)))"
        " ORDER BY received_at DESC, request_id DESC LIMIT :limit"
    )
    at, request_id = before or (None, None)
    asked = {"tenant": tenant_id, "attached": attached, "answered": answered, "at": at, "id": request_id, "limit": limit}
    return list((await tx.execute(query, asked)).mappings())


async def lock_request(tx: AsyncConnection, tenant_id: str, request_id: UUID) -> RowMapping | None:
    query = text("SELECT * FROM records_requests WHERE tenant_id = :tenant AND request_id = :request FOR UPDATE")
    return (await tx.execute(query, {"tenant": tenant_id, "request": request_id})).mappings().first()


async def request_of(tx: AsyncConnection, tenant_id: str, case_id: UUID, request_id: UUID) -> RowMapping | None:
    query = text("SELECT * FROM records_requests WHERE tenant_id = :tenant AND case_id = :case AND request_id = :request")
    return (await tx.execute(query, {"tenant": tenant_id, "case": case_id, "request": request_id})).mappings().first()


async def requests_of(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[RowMapping]:
    """Return what payers asked about a case, oldest first."""
    query = text("SELECT * FROM records_requests WHERE tenant_id = :tenant AND case_id = :case ORDER BY received_at, request_id")
    return list((await tx.execute(query, {"tenant": tenant_id, "case": case_id})).mappings())
