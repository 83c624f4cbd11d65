"""Asks for what a letter is written from: the case and the settings here, the claim of ingest, the codes of the classifier.

Patient data rests in ingest until this moment. All is asked for before anything is written, so that nothing is half made.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from fastapi import Request
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.deps import behalf_of
from libs.common.http.neighbour import Behalf
from libs.common.http.problem import Problem, not_found
from services.appeals import store as cases
from services.appeals.documents import store as documents
from services.appeals.ingest import Ingest
from services.appeals.letters import library, store
from services.appeals.letters.claim import Claim, ClaimLife, Remit
from services.appeals.letters.facts import CaseFacts, Exhibit, Letterhead, Reason, Sources
from services.appeals.letters.language import Language
from services.appeals.letters.meanings import Meanings
from services.appeals.payers import store as payers
from services.appeals.payers.views import EntryBody

T = TypeVar("T")


class Own(Struct, frozen=True):
    """What appeals itself knows of a letter's sources."""

    case: CaseFacts
    letterhead: Letterhead
    letterhead_version: int
    exhibits: tuple[Exhibit, ...]
    payer_address: tuple[str, ...]
    level: str | None
    due_on: date | None


async def own_sources(tx: AsyncConnection, tenant_id: str, case_id: UUID, language: Language) -> Own:
    """Errors: Problem 404 (no such case), 409 (no letterhead)."""
    found = await cases.get_case(tx, tenant_id, case_id)
    if found is None:
        raise not_found("case")
    head = await store.find_letterhead(tx, tenant_id)
    if head is None:
        raise Problem(409, "letterhead-missing", "Nobody said yet who writes: set the letterhead first (PUT /v1/letterhead).")
    case = _case(found[0])
    entry = await entry_of(tx, tenant_id, case.payer_id)
    return Own(
        case=case,
        letterhead=msgspec.convert(head["content"], Letterhead),
        letterhead_version=head["version"],
        exhibits=exhibits_of(await documents.exhibits(tx, tenant_id, case_id), language),
        payer_address=next((tuple(each.lines) for each in entry.addresses if "appeal" in each.purpose.lower()), ()),
        level=found[0]["level"],
        due_on=found[0]["deadline_on"],
    )


async def entry_of(tx: AsyncConnection, tenant_id: str, payer_id: str) -> EntryBody:
    """Return how a payer is reached, as somebody wrote it last; an empty entry where nobody did."""
    told = await payers.newest(tx, tenant_id, payer_id, "entry")
    return EntryBody.model_validate_json(told["told"] if told is not None else "{}")


def _case(row: Mapping[Any, Any]) -> CaseFacts:
    told = {name: row[name] for name in CaseFacts.__struct_fields__ if name != "reasons"}
    return CaseFacts(**told, reasons=msgspec.convert(row["reasons"], tuple[Reason, ...]))


def exhibits_of(held: Sequence[documents.Exhibit], language: Language) -> tuple[Exhibit, ...]:
    """Number a case's documents and name them by what they are; equal names are told apart by their files."""
    names = library.texts(language).documents
    kinds = Counter(each.kind for each in held)
    numbered = []
    for number, each in enumerate(held, start=1):
        stem = each.file_name.rpartition(".")[0] or each.file_name
        name = names.get(each.kind)
        title = stem if name is None else name if kinds[each.kind] == 1 else f"{name} ({stem})"
        numbered.append(Exhibit(number, each.document_id, title, each.media_type, each.sha256, each.size_bytes, each.page_count))
    return tuple(numbered)


class LetterDesk:
    """Asks the other services for the rest; one for a request."""

    def __init__(self, ingest: Ingest, meanings: Meanings, behalf: Behalf) -> None:
        self._ingest = ingest
        self._meanings = meanings
        self._behalf = behalf

    async def complete(self, own: Own, language: Language) -> Sources:
        """Errors: Problem 503 while ingest or the classifier is away."""
        codes = [("carc", each.carc) for each in own.case.reasons]
        codes += [("rarc", rarc) for each in own.case.reasons for rarc in each.rarcs]
        (claim, life), remit = await asyncio.gather(
            self._claim(own.case.remit_id), self._ingest.remit(own.case.remit_id, self._behalf)
        )
        meanings = await self._meanings.of(codes, language, self._behalf)
        return Sources(
            case=own.case,
            letterhead=own.letterhead,
            letterhead_version=own.letterhead_version,
            exhibits=own.exhibits,
            meanings=meanings,
            payer_address=own.payer_address,
            due_on=own.due_on,
            claim=_read(claim, Claim),
            life=_read(life, ClaimLife),
            remit=_read(remit, Remit),
        )

    async def _claim(self, remit_id: UUID) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        claim_id = await self._ingest.claim_id_of(remit_id, self._behalf)
        if claim_id is None:
            return None, None
        content, life = await asyncio.gather(
            self._ingest.content(claim_id, self._behalf), self._ingest.claim(claim_id, self._behalf)
        )
        return content, life


def _read(told: dict[str, Any] | None, kind: type[T]) -> T | None:
    return None if told is None else msgspec.convert(told, kind)


def desk_of(request: Request) -> LetterDesk:
    return LetterDesk(request.app.state.ingest, request.app.state.meanings, behalf_of(request))
