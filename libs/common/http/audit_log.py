"""`GET /v1/audit-log`: who changed what and who was shown what, and the chain that proves it; the same in every service."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from libs.common.audit import store
from libs.common.audit.entries import Outcome, SealKind
from libs.common.audit.store import Wanted
from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor, read_number_cursor
from libs.common.http.problems import responses
from libs.common.http.written import Moment

router = APIRouter(tags=["audit log"])


class AuditEntryView(BaseModel):
    entry_id: UUID
    at: datetime
    subject: str = Field(description="who did it: a person, or a program's token")
    token_id: str | None = Field(description="the token's `jti`")
    action: str = Field(description="the operation's id, as in this document; a page's begins with `page.`")
    object_kind: str = Field(description="what it was done to: case, claim, document, ...")
    object_ids: list[str] = Field(description="which of them, where the request tells; of a list, those on the page")
    outcome: Outcome = Field(description="changed, disclosed, or refused: the caller may not do this")
    trace_id: str | None = Field(description="the trace in which it happened")
    seq: int | None = Field(description="its place in the chain; null: it waits to be chained, for a second or so")
    hash: str | None = Field(description="of this entry and all before it, in hexadecimal; null as `seq`")


class LinkView(BaseModel):
    """A place of the chain. Without an entry, the entry is missing."""

    seq: int
    hash: str = Field(description="in hexadecimal")
    entry_id: UUID
    entry: AuditEntryView | None


class SealView(BaseModel):
    seq: int = Field(description="up to where it seals, or what it takes away")
    kind: SealKind = Field(description="`seal`, or `cut`: the entries up to this one were kept long enough, and are gone")
    hash: str = Field(description="of the chain at this place, in hexadecimal")
    sealed_at: datetime
    key_id: str | None = Field(description="whose signature it is; null: no key was configured")
    signature: str | None = Field(description="Ed25519, in hexadecimal")


class AuditHead(BaseModel):
    tenant_id: str
    seq: int = Field(description="of the newest entry that is chained; 0: there is none")
    hash: str | None = Field(description="in hexadecimal")
    waiting: int = Field(description="entries that are not chained yet")
    oldest_at: datetime | None = Field(description="when the oldest of those was entered")


def _hex(told: bytes | None) -> str | None:
    return None if told is None else bytes(told).hex()


def _entry(row: Any) -> AuditEntryView:
    return AuditEntryView.model_validate({**row, "hash": _hex(row["hash"])})


def _link(row: Any) -> LinkView:
    entry = None if row["entry_id"] is None else _entry(row)
    return LinkView(seq=row["seq"], hash=bytes(row["hash"]).hex(), entry_id=row["linked_id"], entry=entry)


def _seal(row: Any) -> SealView:
    return SealView.model_validate({**row, "hash": _hex(row["hash"]), "signature": _hex(row["signature"])})


Word = Annotated[str | None, Query(max_length=200)]


@router.get("/v1/audit-log", summary="Who changed what and who was shown what, newest first", responses=responses(400, 422))
async def list_audit_log(
    tenant: TenantDep,
    database: DatabaseDep,
    subject: Annotated[Word, Query(description="who did it")] = None,
    action: Annotated[Word, Query(description="the operation's id")] = None,
    object_: Annotated[Word, Query(alias="object", description="the id of what it was done to")] = None,
    object_kind: Annotated[Word, Query(description="case, claim, document, ...")] = None,
    outcome: Annotated[Outcome | None, Query(description="how it ended")] = None,
    from_: Annotated[Moment | None, Query(alias="from", description="from this moment on")] = None,
    to: Annotated[Moment | None, Query(description="until before this moment")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[AuditEntryView]:
    wanted = Wanted(subject, action, object_, object_kind, outcome, from_, to)
    filters = {
        "subject": subject,
        "action": action,
        "object": object_,
        "kind": object_kind,
        "outcome": outcome,
        "from": from_,
        "to": to,
    }
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await store.find(tx, tenant, wanted, before, limit + 1)
    return cut_page(rows, limit, tenant, filters, _entry, position=lambda row: row["entry_id"])


@router.get("/v1/audit-log/chain", summary="The chain from its beginning, to be verified", responses=responses(400, 422))
async def list_audit_chain(
    tenant: TenantDep,
    database: DatabaseDep,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=2000, description="items a page")] = 500,
) -> Page[LinkView]:
    after = read_number_cursor(cursor, tenant, {"of": "chain"})
    async with database.begin(tenant) as tx:
        rows = await store.chain(tx, tenant, after or 0, limit + 1)
    return cut_page(rows, limit, tenant, {"of": "chain"}, _link, position=lambda row: row["seq"])


@router.get("/v1/audit-log/seals", summary="Where the chain was sealed, and where it was cut", responses=responses(400, 422))
async def list_audit_seals(
    tenant: TenantDep,
    database: DatabaseDep,
    kind: Annotated[SealKind, Query(description="which of them")] = "seal",
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[SealView]:
    after = read_number_cursor(cursor, tenant, {"of": kind})
    async with database.begin(tenant) as tx:
        rows = await store.seals(tx, tenant, kind, after or 0, limit + 1)
    return cut_page(rows, limit, tenant, {"of": kind}, _seal, position=lambda row: row["seq"])


@router.get("/v1/audit-log/head", summary="The newest entry of the chain, and what waits to be chained", responses=responses())
async def get_audit_head(tenant: TenantDep, database: DatabaseDep) -> AuditHead:
    async with database.begin(tenant) as tx:
        newest = await store.head(tx, tenant)
        left = await store.waiting(tx, tenant)
    seq, told = (newest["seq"], _hex(newest["hash"])) if newest else (0, None)
    return AuditHead(tenant_id=tenant, seq=seq, hash=told, waiting=left["waiting"], oldest_at=left["oldest_at"])
