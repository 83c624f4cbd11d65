"""Taking a document into a case: inspected, its bytes kept, then the row that makes it seen."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from libs.common.http.problem import Problem, not_found
from services.appeals.documents import store
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.inspection import Inspection
from services.appeals.documents.naming import safe_name
from services.appeals.documents.store import NewDocument, Row
from services.appeals.documents.uploading import Taken

DOCUMENTS_MAX: Final = 500  # current ones of a case
CASE_BYTES_MAX: Final = 1024 * 1024 * 1024


class Desk:
    """What takes documents in and gives them out; one for a process."""

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self.inspection = Inspection()

    async def keep(self, tenant_id: str, taken: Taken, name: str | None, **more: Any) -> "Kept":
        """Inspect a file and keep its bytes; no transaction is open meanwhile. `more`: NewDocument's case_id, kind, origin, ...

        Errors: Problem 422, 503; Transient.
        """
        inspected = await self.inspection.inspect(taken.file)
        new = NewDocument(
            file_name=safe_name(name or taken.name, inspected.media_type),
            media_type=inspected.media_type,
            page_count=inspected.pages,
            sha256=taken.sha256,
            size_bytes=taken.size_bytes,
            **more,
        )
        return Kept(new, await self.blobs.put(tenant_id, taken.file), self.blobs)


class Kept:
    """A document whose bytes are kept, and whose row is not written yet."""

    def __init__(self, new: NewDocument, key: str, blobs: Blobs) -> None:
        self.new = new
        self._key = key
        self._blobs = blobs
        self._is_needed = False  # whether the row stands on these very bytes, and not on equal ones that were here

    def replaces(self, document_id: UUID | None) -> None:
        """Say which current document this one takes the place of."""
        self.new = msgspec.structs.replace(self.new, replaces=document_id)

    @asynccontextmanager
    async def settled(self) -> AsyncIterator[None]:
        """Around the transaction that writes the row: bytes that no row needs after it are forgotten."""
        try:
            yield
        finally:
            if not self._is_needed:
                await self._blobs.discard([self._key])

    async def enter(self, tx: AsyncConnection, tenant_id: str, now: datetime) -> tuple[Row, bool]:
        """Write the row; return it and whether it is new. The case's own document of equal bytes is the same document; one that a
        guest offered is accepted by being sent by somebody else.

        Errors: Problem 404 (no such case, nothing to replace), 409 (the case is full).
        """
        new = self.new
        if not await store.lock_documents(tx, tenant_id, new.case_id):
            raise not_found("case")
        same = await store.find_same(tx, tenant_id, new.case_id, new.sha256)
        if same is not None and (same["state"] == "current" or new.origin == "guest"):
            return same, False
        held = await store.list_documents(tx, tenant_id, new.case_id, ["current", "offered"])
        replaced = next((row for row in held if row["document_id"] == new.replaces and row["state"] == "current"), None)
        if new.replaces is not None and replaced is None:
            raise not_found("current document to replace")
        if same is not None:
            written = await store.accept(tx, tenant_id, new.case_id, same["document_id"], new.kind, new.who, now)
        else:
            written = await self._insert(tx, tenant_id, held, replaced, now)
        if replaced is not None:
            await store.set_state(tx, tenant_id, replaced["document_id"], "superseded", now)
            await store.tell(tx, tenant_id, new.case_id, replaced["document_id"], "superseded", new.who, "", now)
        return written, True

    async def _insert(self, tx: AsyncConnection, tenant_id: str, held: Sequence[Row], replaced: Row | None, now: datetime) -> Row:
        """Write the row of a document that the case does not have. Errors: Problem 409 (the case is full)."""
        new = self.new
        if len(held) >= DOCUMENTS_MAX or store.usage_of(held) + new.size_bytes > CASE_BYTES_MAX:
            detail = f"A case may have {DOCUMENTS_MAX} documents and {CASE_BYTES_MAX} bytes of them at most."
            raise Problem(409, "case-full", detail)
        key = await store.hold_blob(tx, tenant_id, new.sha256, self._key, new.size_bytes, now)
        self._is_needed = key == self._key
        return await store.insert_document(tx, tenant_id, new, now, place=replaced["place"] if replaced else None)


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.documents
    return desk
