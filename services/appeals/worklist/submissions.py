"""SQL of submissions: cases of one payer and category that go out together; nothing here commits."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.appeals.worklist.editing import NotDone
from services.appeals.worklist.store import Key

_WRONG: Final = NotDone("other-payer-or-category", "A submission holds cases of one payer and one category; this is another.")
_TAKEN: Final = NotDone("in-another-submission", "The case is in another submission.")
_SHOWN: Final = """
SELECT submission_id, payer_id, category, note, created_by, created_at,
       (SELECT count(*) FROM submission_cases AS c WHERE c.tenant_id = s.tenant_id AND c.submission_id = s.submission_id) AS cases
FROM submissions AS s
"""
_FITTING: Final = """
SELECT c.case_id, w.payer_id = $3 AND c.category = $4 AS fits FROM cases AS c
JOIN worklist AS w ON w.tenant_id = c.tenant_id AND w.case_id = c.case_id
WHERE c.tenant_id = $1 AND c.case_id = ANY ($2::uuid[])
"""
_PUT: Final = """
INSERT INTO submission_cases (tenant_id, case_id, submission_id) SELECT $1, c, $3 FROM unnest($2::uuid[]) AS told (c)
ON CONFLICT (tenant_id, case_id) DO UPDATE SET submission_id = excluded.submission_id
WHERE submission_cases.submission_id = excluded.submission_id RETURNING case_id
"""


async def insert(tx: AsyncConnection, tenant_id: str, told: dict[str, Any]) -> None:
    await (await driver(tx)).execute(
        "INSERT INTO submissions (tenant_id, submission_id, payer_id, category, note, created_by, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant_id,
        *(told[name] for name in ("submission_id", "payer_id", "category", "note", "created_by", "created_at")),
    )


async def get(tx: AsyncConnection, tenant_id: str, submission_id: UUID) -> Any | None:
    query = _SHOWN + " WHERE tenant_id = $1 AND submission_id = $2"
    return await (await driver(tx)).fetchrow(query, tenant_id, submission_id)


async def find(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Any]:
    """Return submissions, newest first."""
    return await (await driver(tx)).fetch(
        _SHOWN + " WHERE tenant_id = $1 AND ($2::uuid IS NULL OR submission_id < $2) ORDER BY submission_id DESC LIMIT $3",
        tenant_id,
        before,
        limit,
    )


async def put(tx: AsyncConnection, tenant_id: str, submission_id: UUID, cases: Collection[UUID]) -> dict[Key, NotDone]:
    """Put locked cases into a submission; return those that do not belong there, with why. Put again, a case is there once."""
    submission = await get(tx, tenant_id, submission_id)
    if submission is None or not cases:
        return {(tenant_id, case_id): _WRONG for case_id in cases}
    connection = await driver(tx)
    rows = await connection.fetch(_FITTING, tenant_id, list(cases), submission["payer_id"], submission["category"])
    fitting = [row["case_id"] for row in rows if row["fits"]]
    put_in = {row["case_id"] for row in await connection.fetch(_PUT, tenant_id, fitting, submission_id)}
    return {(tenant_id, case_id): _WRONG if case_id not in fitting else _TAKEN for case_id in cases if case_id not in put_in}


async def take_out(tx: AsyncConnection, tenant_id: str, submission_id: UUID, case_id: UUID) -> bool:
    """Take a case out again; False where it is not there."""
    done = await (await driver(tx)).fetchval(
        "DELETE FROM submission_cases WHERE tenant_id = $1 AND submission_id = $2 AND case_id = $3 RETURNING case_id",
        tenant_id,
        submission_id,
        case_id,
    )
    return done is not None
