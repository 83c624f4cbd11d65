"""The SQL of messages, guest links and disclosures; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.ids import uuid7
from services.appeals.documents import store as documents

Kind = Literal["document", "message"]
GUEST = "guest"  # who, in histories


class Link(Struct, frozen=True):
    """One guest's way in."""

    link_id: UUID
    case_id: UUID
    name: str
    role: str
    subject: str
    language: str
    may_answer: bool
    may_upload: bool
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def opens(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


_LINK = ", ".join(Link.__struct_fields__)


async def insert_link(tx: AsyncConnection, tenant_id: str, link: Link, token_sha256: str) -> None:
    values = [getattr(link, name) for name in Link.__struct_fields__]
    places = ", ".join(f"${place}" for place in range(3, 3 + len(values)))
    query = f"INSERT INTO guest_links (tenant_id, token_sha256, {_LINK}) VALUES ($1, $2, {places})"  # noqa: S608 - our own names
    await (await driver(tx)).execute(query, tenant_id, token_sha256, *values)


async def link_of_token(tx: AsyncConnection, tenant_id: str, token_sha256: str) -> Link | None:
    query = f"SELECT {_LINK} FROM guest_links WHERE tenant_id = $1 AND token_sha256 = $2"  # noqa: S608 - our own names
    row = await (await driver(tx)).fetchrow(query, tenant_id, token_sha256)
    return None if row is None else Link(*row)


async def lock_link(tx: AsyncConnection, tenant_id: str, link_id: UUID) -> Link | None:
    """Hold a link until the transaction ends: who counts what a guest did, and who revokes it, take turns."""
    query = f"SELECT {_LINK} FROM guest_links WHERE tenant_id = $1 AND link_id = $2 FOR UPDATE"  # noqa: S608 - our own names
    row = await (await driver(tx)).fetchrow(query, tenant_id, link_id)
    return None if row is None else Link(*row)


async def links_of_case(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[Link]:
    """Return a case's links, newest first."""
    query = f"SELECT {_LINK} FROM guest_links WHERE tenant_id = $1 AND case_id = $2 ORDER BY link_id DESC"  # noqa: S608 - our own names
    return [Link(*row) for row in await (await driver(tx)).fetch(query, tenant_id, case_id)]


async def revoke(tx: AsyncConnection, tenant_id: str, link_id: UUID, now: datetime) -> None:
    query = "UPDATE guest_links SET revoked_at = $3 WHERE tenant_id = $1 AND link_id = $2 AND revoked_at IS NULL"
    await (await driver(tx)).execute(query, tenant_id, link_id, now)


async def share(
    tx: AsyncConnection, tenant_id: str, link_id: UUID, kind: Kind, items: Collection[UUID], now: datetime
) -> list[UUID]:
    """Let a link show items; return those that it did not show before."""
    query = (
        "INSERT INTO guest_shares (tenant_id, link_id, item_id, kind, shared_at) SELECT $1, $2, item, $3, $5"
        " FROM unnest($4::uuid[]) AS item ON CONFLICT DO NOTHING RETURNING item_id"
    )
    return [row["item_id"] for row in await (await driver(tx)).fetch(query, tenant_id, link_id, kind, list(items), now)]


async def unshare(tx: AsyncConnection, tenant_id: str, link_id: UUID, item_id: UUID) -> bool:
    """Let a link no longer show an item; False where it did not."""
    query = "DELETE FROM guest_shares WHERE tenant_id = $1 AND link_id = $2 AND item_id = $3 RETURNING item_id"
    return await (await driver(tx)).fetchval(query, tenant_id, link_id, item_id) is not None


async def shares(tx: AsyncConnection, tenant_id: str, links: Sequence[UUID]) -> list[RowMapping]:
    """Return (link_id, kind, item_id) of what links show."""
    query = text(
        "SELECT link_id, kind, item_id FROM guest_shares WHERE tenant_id = :t AND link_id = ANY (:links)"
        " ORDER BY shared_at, item_id"
    )
    return list((await tx.execute(query, {"t": tenant_id, "links": list(links)})).mappings())


async def insert_message(
    tx: AsyncConnection, tenant_id: str, case_id: UUID, told: str, who: str, now: datetime, *, link_id: UUID | None = None
) -> UUID:
    """Write a message, of a guest where `link_id` says by which link it came."""
    message_id = uuid7()
    await (await driver(tx)).execute(
        "INSERT INTO case_messages (tenant_id, message_id, case_id, link_id, who, text, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant_id, message_id, case_id, link_id, who, told, now,
    )  # fmt: skip
    return message_id


async def messages_of_case(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[RowMapping]:
    """Return a case's messages, oldest first."""
    query = text("SELECT * FROM case_messages WHERE tenant_id = :t AND case_id = :c ORDER BY message_id")
    return list((await tx.execute(query, {"t": tenant_id, "c": case_id})).mappings())


async def shown_messages(tx: AsyncConnection, tenant_id: str, link_id: UUID) -> list[RowMapping]:
    """Return the messages that a link shows, oldest first."""
    query = text(
        "SELECT case_messages.* FROM guest_shares JOIN case_messages"
        " ON case_messages.tenant_id = guest_shares.tenant_id AND case_messages.message_id = guest_shares.item_id"
        " WHERE guest_shares.tenant_id = :t AND guest_shares.link_id = :l AND kind = 'message' AND forgotten_at IS NULL"
        " ORDER BY message_id"
    )
    return list((await tx.execute(query, {"t": tenant_id, "l": link_id})).mappings())


_SHOWN = """
SELECT documents.*, key FROM guest_shares
JOIN documents ON documents.tenant_id = guest_shares.tenant_id AND documents.document_id = guest_shares.item_id
JOIN document_blobs ON document_blobs.tenant_id = documents.tenant_id AND document_blobs.sha256 = documents.sha256
WHERE guest_shares.tenant_id = :t AND guest_shares.link_id = :l AND guest_shares.kind = 'document'
  AND state NOT IN ('deleted', 'refused')
ORDER BY guest_shares.shared_at, document_id
"""


async def shown_documents(tx: AsyncConnection, tenant_id: str, link_id: UUID) -> list[documents.Row]:
    """Return the documents that a link shows; one that was deleted or refused is gone for guests, too."""
    return await documents.opened(tx, tenant_id, (await tx.execute(text(_SHOWN), {"t": tenant_id, "l": link_id})).mappings())


class Used(Struct, frozen=True):
    """What a guest has done by one link so far."""

    messages: int
    uploads: int
    upload_bytes: int


async def used(tx: AsyncConnection, tenant_id: str, link_id: UUID) -> Used:
    row = await (await driver(tx)).fetchrow(
        "SELECT count(*) FILTER (WHERE what = 'message_written'), count(*) FILTER (WHERE what <> 'message_written'),"
        " COALESCE(sum(size_bytes), 0)::bigint FROM disclosures WHERE tenant_id = $1 AND link_id = $2"
        " AND what IN ('message_written', 'document_uploaded', 'upload_refused')",
        tenant_id,
        link_id,
    )
    return Used(*(row or (0, 0, 0)))


async def log(
    tx: AsyncConnection,
    tenant_id: str,
    link: Link,
    what: str,
    who: str,
    now: datetime,
    *,
    items: Collection[UUID | None] = (None,),
    size_bytes: int = 0,
) -> None:
    """Write what was shown to a guest or done by one, a row for each item; these rows only grow."""
    rows: list[tuple[Any, ...]] = [(uuid7(), each) for each in items]
    if rows:
        await (await driver(tx)).execute(
            "INSERT INTO disclosures (tenant_id, row_id, case_id, link_id, name, what, item_id, size_bytes, who, at)"
            " SELECT $1, told.row_id, $2, $3, $4, $5, told.item_id, $8, $9, $10"
            " FROM unnest($6::uuid[], $7::uuid[]) AS told (row_id, item_id)",
            tenant_id, link.case_id, link.link_id, link.name, what, *map(list, zip(*rows, strict=True)), size_bytes, who, now,
        )  # fmt: skip


async def disclosures(tx: AsyncConnection, tenant_id: str, case_id: UUID, before: UUID | None, limit: int) -> list[RowMapping]:
    """Return what was disclosed of a case, newest first."""
    query = text(
        "SELECT * FROM disclosures WHERE tenant_id = :t AND case_id = :c AND (CAST(:before AS uuid) IS NULL OR row_id < :before)"
        " ORDER BY row_id DESC LIMIT :limit"
    )
    return list((await tx.execute(query, {"t": tenant_id, "c": case_id, "before": before, "limit": limit})).mappings())
