"""The SQL of documents; nothing here commits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, lock_name
from libs.common.ids import uuid7
from libs.common.sealing.keys import cipher_of
from libs.common.tenants.holds import NOT_HELD
from services.appeals import store as cases
from services.appeals.seals import FILE_NAME

Row = Mapping[str, Any]


class NewDocument(Struct, frozen=True):
    """One document as it comes to a case. `origin`: who made it come: `upload`, `guest`, or `recours` itself."""

    case_id: UUID
    kind: str
    file_name: str
    media_type: str
    page_count: int | None
    sha256: str
    size_bytes: int
    origin: str
    who: str
    replaces: UUID | None = None


class Exhibit(Struct, frozen=True):
    """A document as a packet needs it; its bytes are had by `Blobs.stream(key, 0, size_bytes)`."""

    document_id: UUID
    kind: str
    file_name: str
    media_type: str
    sha256: str
    size_bytes: int
    page_count: int | None
    key: str


_COLUMNS = (
    "document_id, case_id, kind, file_name, media_type, page_count, sha256, size_bytes, state, place, origin, replaces_document_id,"
    " added_by, added_at, changed_at"
)


async def lock_documents(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> bool:
    """Hold a case's documents until the transaction ends; False when there is no such case."""
    await lock_name(tx, "recours.documents", tenant_id, str(case_id))
    return await cases.has_case(tx, tenant_id, case_id)


_HOLD = """
INSERT INTO document_blobs (tenant_id, sha256, key, size_bytes, touched_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, sha256) DO UPDATE SET touched_at = GREATEST(document_blobs.touched_at, excluded.touched_at) RETURNING key
"""


async def hold_blob(tx: AsyncConnection, tenant_id: str, sha256: str, key: str, size_bytes: int, now: datetime) -> str:
    """Say that bytes are wanted; return the key under which this tenant has them. It is another one where they were here before."""
    return str(await (await driver(tx)).fetchval(_HOLD, tenant_id, sha256, key, size_bytes, now))


async def touch_blob(tx: AsyncConnection, tenant_id: str, sha256: str, now: datetime) -> None:
    """Give bytes some time yet: a packet that is being built may still read them."""
    query = "UPDATE document_blobs SET touched_at = $3 WHERE tenant_id = $1 AND sha256 = $2"
    await (await driver(tx)).execute(query, tenant_id, sha256, now)


async def find_same(tx: AsyncConnection, tenant_id: str, case_id: UUID, sha256: str) -> Row | None:
    """Return the case's document of these bytes: the current one, else one that a guest offers."""
    query = (
        f"SELECT {_COLUMNS} FROM documents WHERE tenant_id = :t AND case_id = :c AND sha256 = :s"  # noqa: S608 - our own names
        " AND state IN ('current', 'offered') ORDER BY state LIMIT 1"
    )
    rows = (await tx.execute(text(query), {"t": tenant_id, "c": case_id, "s": sha256})).mappings()
    return next(iter(await opened(tx, tenant_id, rows)), None)


_INSERT = """
INSERT INTO documents (tenant_id, document_id, case_id, kind, file_name, media_type, page_count, sha256, size_bytes, state, place,
    origin, replaces_document_id, added_by, added_at, changed_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $15, COALESCE($14, (
    SELECT COALESCE(max(place), 0) + 1 FROM documents WHERE tenant_id = $1 AND case_id = $3 AND state = 'current')),
    $10, $11, $12, $13, $13
"""
_ACCEPT = """
UPDATE documents SET state = 'current', kind = $4, changed_at = $5, place = (
    SELECT COALESCE(max(place), 0) + 1 FROM documents WHERE tenant_id = $1 AND case_id = $2 AND state = 'current')
WHERE tenant_id = $1 AND document_id = $3
"""


async def insert_document(tx: AsyncConnection, tenant_id: str, new: NewDocument, now: datetime, *, place: int | None = None) -> Row:
    """Add a document behind the others of its case, or at a place, and return it; its blob is held in the same transaction.

    What a guest sends is offered: it is no evidence until somebody accepts it.
    """
    document_id = uuid7()
    file_name = (await cipher_of(tx, tenant_id)).seal(FILE_NAME, (document_id,), new.file_name.encode())
    await (await driver(tx)).execute(
        _INSERT, tenant_id, document_id, new.case_id, new.kind, file_name, new.media_type, new.page_count, new.sha256,
        new.size_bytes, new.origin, new.replaces, new.who, now, place, "offered" if new.origin == "guest" else "current",
    )  # fmt: skip
    await tell(tx, tenant_id, new.case_id, document_id, "added", new.who, "", now)
    return await _written(tx, tenant_id, document_id)


async def accept(tx: AsyncConnection, tenant_id: str, case_id: UUID, document_id: UUID, kind: str, who: str, now: datetime) -> Row:
    """Make an offered document a current one, behind the others, and return it."""
    await (await driver(tx)).execute(_ACCEPT, tenant_id, case_id, document_id, kind, now)
    await tell(tx, tenant_id, case_id, document_id, "accepted", who, "", now)
    return await _written(tx, tenant_id, document_id)


async def offered(tx: AsyncConnection, tenant_id: str, *, after: UUID | None, limit: int) -> list[Row]:
    """Return what guests offer and nobody accepted or refused yet, of all cases, oldest first."""
    query = (
        f"SELECT {_COLUMNS} FROM documents WHERE tenant_id = :tenant AND state = 'offered'"  # noqa: S608 - our own names
        " AND (CAST(:after AS uuid) IS NULL OR document_id > :after) ORDER BY document_id LIMIT :limit"
    )
    values = {"tenant": tenant_id, "after": after, "limit": limit}
    return await opened(tx, tenant_id, (await tx.execute(text(query), values)).mappings())


async def _written(tx: AsyncConnection, tenant_id: str, document_id: UUID) -> Row:
    query = text(f"SELECT {_COLUMNS} FROM documents WHERE tenant_id = :t AND document_id = :d")  # noqa: S608 - our own names
    (written,) = await opened(tx, tenant_id, (await tx.execute(query, {"t": tenant_id, "d": document_id})).mappings())
    return written


async def opened(tx: AsyncConnection, tenant_id: str, rows: Iterable[Mapping[Any, Any]]) -> list[Row]:
    """Return documents of a tenant with the names of their files, which are sealed."""
    cipher = await cipher_of(tx, tenant_id)
    return [{**row, "file_name": cipher.open(FILE_NAME, (row["document_id"],), row["file_name"]).decode()} for row in rows]


async def tell(
    tx: AsyncConnection, tenant_id: str, case_id: UUID, document_id: UUID, what: str, who: str, why: str, now: datetime
) -> None:
    """Write what happened to a document into its history, which only grows."""
    await (await driver(tx)).execute(
        "INSERT INTO document_history (tenant_id, row_id, case_id, document_id, what, who, why, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant_id, uuid7(), case_id, document_id, what, who, why, now,
    )  # fmt: skip


async def set_state(tx: AsyncConnection, tenant_id: str, document_id: UUID, state: str, now: datetime) -> None:
    await (await driver(tx)).execute(
        "UPDATE documents SET state = $3, changed_at = $4 WHERE tenant_id = $1 AND document_id = $2",
        tenant_id,
        document_id,
        state,
        now,
    )


async def set_kind(tx: AsyncConnection, tenant_id: str, document_id: UUID, kind: str, now: datetime) -> None:
    await (await driver(tx)).execute(
        "UPDATE documents SET kind = $3, changed_at = $4 WHERE tenant_id = $1 AND document_id = $2",
        tenant_id,
        document_id,
        kind,
        now,
    )


async def set_order(tx: AsyncConnection, tenant_id: str, ordered: Sequence[UUID]) -> None:
    """Give a case's current documents their places, counted from 1."""
    await (await driver(tx)).execute(
        "UPDATE documents SET place = told.place FROM unnest($2::uuid[]) WITH ORDINALITY AS told (document_id, place)"
        " WHERE documents.tenant_id = $1 AND documents.document_id = told.document_id",
        tenant_id,
        list(ordered),
    )


async def list_documents(tx: AsyncConnection, tenant_id: str, case_id: UUID, states: Collection[str]) -> list[Row]:
    """Return a case's documents in exhibit order."""
    query = (
        f"SELECT {_COLUMNS} FROM documents WHERE tenant_id = :tenant AND case_id = :case AND state = ANY (:states)"  # noqa: S608 - ours
        " ORDER BY state, place, document_id"
    )
    values = {"tenant": tenant_id, "case": case_id, "states": list(states)}
    return await opened(tx, tenant_id, (await tx.execute(text(query), values)).mappings())


_EXHIBITS = """
SELECT document_id, kind, file_name, media_type, documents.sha256, documents.size_bytes, page_count, key
FROM documents JOIN document_blobs USING (tenant_id, sha256)
WHERE documents.tenant_id = $1 AND case_id = $2 AND state = 'current' ORDER BY place, document_id
"""


async def exhibits(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[Exhibit]:
    """Return a case's current documents in exhibit order, each with the key of its bytes."""
    rows = await (await driver(tx)).fetch(_EXHIBITS, tenant_id, case_id)
    return [Exhibit(**row) for row in await opened(tx, tenant_id, rows)]


async def get_document(tx: AsyncConnection, tenant_id: str, case_id: UUID, document_id: UUID) -> Row | None:
    """Return a document of a case, whatever its state; `key` is None once its bytes are gone."""
    return (await get_documents(tx, tenant_id, case_id, [document_id])).get(document_id)


async def get_documents(tx: AsyncConnection, tenant_id: str, case_id: UUID, document_ids: Collection[UUID]) -> dict[UUID, Row]:
    """Return those of some documents that the case has, each as `get_document` does."""
    columns = ", ".join(f"documents.{each.strip()}" for each in _COLUMNS.split(","))
    query = (
        f"SELECT {columns}, key FROM documents LEFT JOIN document_blobs USING (tenant_id, sha256)"  # noqa: S608 - our own names
        " WHERE documents.tenant_id = :tenant AND case_id = :case AND document_id = ANY (:ids)"
    )
    rows = await tx.execute(text(query), {"tenant": tenant_id, "case": case_id, "ids": list(document_ids)})
    return {row["document_id"]: row for row in await opened(tx, tenant_id, rows.mappings())}


async def get_history(tx: AsyncConnection, tenant_id: str, document_id: UUID) -> list[RowMapping]:
    query = text("SELECT what, who, why, at FROM document_history WHERE tenant_id = :tenant AND document_id = :id ORDER BY row_id")
    return list((await tx.execute(query, {"tenant": tenant_id, "id": document_id})).mappings())


# `touched_at` is asked again under the row's lock: who uploads these bytes at this moment moves it.
_LET_GO = f"""
DELETE FROM document_blobs WHERE touched_at < $1 AND NOT EXISTS (
    SELECT 1 FROM documents WHERE documents.tenant_id = document_blobs.tenant_id AND documents.sha256 = document_blobs.sha256
      AND state NOT IN ('deleted', 'refused')
) AND {NOT_HELD.format("document_blobs")} RETURNING key
"""  # noqa: S608 - our own names


async def let_go(tx: AsyncConnection, before: datetime) -> list[str]:
    """Forget the blobs of all tenants that no document needs since a moment; return their keys, whose bytes may go now."""
    return [row["key"] for row in await (await driver(tx)).fetch(_LET_GO, before)]


async def unknown_keys(tx: AsyncConnection, keys: Sequence[str]) -> list[str]:
    """Return those keys that no blob of any tenant has, and no answer that is still to be sent; none of who is under legal hold."""
    query = (
        "SELECT key FROM unnest($1::text[]) AS key WHERE NOT EXISTS (SELECT 1 FROM tenants WHERE legal_hold"
        " AND strpos(key, '/' || encode(convert_to(tenant_id, 'UTF8'), 'hex') || '/') > 0)"
        " EXCEPT (SELECT key FROM document_blobs WHERE key = ANY ($1::text[])"
        " UNION ALL SELECT key FROM records_answers WHERE key = ANY ($1::text[]))"
    )
    return [row["key"] for row in await (await driver(tx)).fetch(query, list(keys))]


def usage_of(rows: Sequence[Mapping[Any, Any]]) -> int:
    """Return how many bytes documents have together."""
    return sum(row["size_bytes"] for row in rows)
