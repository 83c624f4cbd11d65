"""What Recours attaches to a case by itself: it asks ingest first, and changes the case only when everything is here."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.neighbour import Behalf
from libs.common.people import SYSTEM
from services.appeals.documents import store as documents
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.keeping import Kept
from services.appeals.documents.kinds import DocumentKind
from services.appeals.documents.store import NewDocument, Row
from services.appeals.evidence import extracts
from services.appeals.ingest import Ingest

ITEMS: Final = {DocumentKind.REMITTANCE_EXTRACT: "remittance_extract", DocumentKind.TIMELY_FILING_PROOF: "timely_filing_proof"}
_NAMES: Final = {
    DocumentKind.REMITTANCE_EXTRACT: "remittance-extract.pdf",
    DocumentKind.TIMELY_FILING_PROOF: "proof-of-timely-filing.pdf",
}


class Extract(Struct, frozen=True):
    """A document that we made: its bytes and pages."""

    kind: DocumentKind
    pdf: bytes
    pages: int


async def make(ingest: Ingest, case: RowMapping, behalf: Behalf) -> list[Extract]:
    """Ask ingest and make what can be made of its answers. Errors: Problem 503 while ingest is away."""
    made: list[Extract] = []
    remit = await ingest.remit(case["remit_id"], behalf)
    payment = await ingest.remittance(UUID(remit["remittance_id"]), behalf) if remit else None
    claim_id = await ingest.claim_id_of(case["remit_id"], behalf)
    claim = await ingest.claim(claim_id, behalf) if claim_id else None
    if remit is not None and payment is not None:
        pdf = await asyncio.to_thread(extracts.remittance, remit, payment)
        made.append(Extract(DocumentKind.REMITTANCE_EXTRACT, pdf, extracts.pages_of(pdf)))
    proof = await asyncio.to_thread(extracts.acknowledgement, claim) if claim else None
    if proof is not None:
        made.append(Extract(DocumentKind.TIMELY_FILING_PROOF, proof, extracts.pages_of(proof)))
    return made


@asynccontextmanager
async def kept(blobs: Blobs, tenant_id: str, case_id: UUID, made: list[Extract]) -> AsyncIterator[list[Kept]]:
    """Keep the bytes of extracts around the transaction that attaches them; what it does not need is forgotten."""
    async with AsyncExitStack() as held:
        found = []
        for each in made:
            new = NewDocument(
                case_id=case_id,
                kind=each.kind,
                file_name=_NAMES[each.kind],
                media_type="application/pdf",
                page_count=each.pages,
                sha256=hashlib.sha256(each.pdf).hexdigest(),
                size_bytes=len(each.pdf),
                origin="recours",
                who=SYSTEM,
            )
            document = Kept(new, await blobs.put(tenant_id, io.BytesIO(each.pdf)), blobs)
            await held.enter_async_context(document.settled())
            found.append(document)
        yield found


async def attach(tx: AsyncConnection, tenant_id: str, extracted: list[Kept], now: datetime) -> list[Row]:
    """Attach extracts to their case; one that says something newer takes the older one's place. Returns what is new.

    Errors: as `Kept.enter`.
    """
    attached = []
    for each in extracted:
        if not await documents.lock_documents(tx, tenant_id, each.new.case_id):
            continue
        current = await documents.list_documents(tx, tenant_id, each.new.case_id, ["current"])
        own = [row for row in current if row["origin"] == "recours" and row["kind"] == each.new.kind]
        each.replaces(own[0]["document_id"] if own else None)
        row, is_new = await each.enter(tx, tenant_id, now)
        if is_new:
            attached.append(row)
    return attached
