"""Correspondence over HTTP: logged, listed, and what became of a promise."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from libs.common.ids import uuid7
from services.appeals.correspondence import store
from services.appeals.correspondence.promises import ENDINGS, missed_from
from services.appeals.correspondence.store import Entry
from services.appeals.correspondence.views import EndPromise, EntryView, LogEntry
from services.appeals.payers import store as payers
from services.appeals.worklist import store as worklist

router = APIRouter(tags=["correspondence"])

_ALL: Final = "/v1/cases/{case_id}/correspondence"
_ONE: Final = f"{_ALL}/{{entry_id}}"


@router.post(_ALL, summary="Log a call, a letter, a message", status_code=201, responses=responses(400, 404, 409, 415, 422))
async def log_entry(
    case_id: UUID,
    body: LogEntry,
    response: Response,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> EntryView:
    """What the payer promised by a day and nobody said that it came is missed on the day after, where the payer is: it becomes a
    task of the case. Under a key that was used the entry is shown as it is now.
    """
    idempotency.require(key)
    now = clock.now()
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("log_entry", str(case_id), body.model_dump_json()), now)
        if kept is None:
            entry = await _entry(tx, tenant, who, case_id, body, clock)
            await store.insert(tx, entry)
            # The key keeps the id alone: what people say of a case stands in one place.
            await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, str(entry.entry_id)))
            entry_id = entry.entry_id
        else:
            entry_id = UUID(kept.body)
        row = await _found(tx, tenant, case_id, entry_id)
    response.headers["Location"] = f"/v1/cases/{case_id}/correspondence/{entry_id}"
    return _view(row, response)


async def _entry(tx: AsyncConnection, tenant: str, who: str, case_id: UUID, body: LogEntry, clock: ClockDep) -> Entry:
    """Return what is to be logged. Errors: Problem 404, 422 for days that cannot be."""
    now = clock.now()
    case = await worklist.look(tx, tenant, case_id)
    if case is None:
        raise not_found("case")
    if body.at > now:
        raise Problem(422, "logged-in-the-future", "`at` must not lie after now.")
    payer = await payers.payer(tx, tenant, case.payer_id)
    told = body.promised_on
    look_at = missed_from(told, payer.zone) if told is not None else None
    if look_at is not None and look_at <= body.at:
        raise Problem(422, "promised-before", "`promised_on` must not lie before the day on which it was promised.")
    return Entry(
        tenant_id=tenant,
        entry_id=uuid7(),
        case_id=case_id,
        version=1,
        kind=body.kind,
        direction=body.direction,
        party=body.party,
        reference_number=body.reference_number,
        said=body.said,
        at=body.at.astimezone(UTC),
        promise=body.promise,
        promised_on=told,
        promise_is="open" if told is not None else None,
        look_at=look_at,
        logged_at=now,
        logged_by=who,
    )


async def _found(tx: AsyncConnection, tenant: str, case_id: UUID, entry_id: UUID, *, lock: bool = False) -> Mapping[str, Any]:
    row = await store.find(tx, tenant, case_id, entry_id, lock=lock)
    if row is None:
        raise not_found("entry of this case")
    return row


def _view(row: Mapping[str, Any], response: Response) -> EntryView:
    response.headers["ETag"] = etag(row["version"])
    return EntryView.model_validate(dict(row))


@router.get(_ALL, summary="What was said about a case, and promised", responses=responses(400, 404, 422))
async def list_entries(
    case_id: UUID, tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[EntryView]:
    """What was logged last comes first."""
    filters = {"case_id": case_id, "list": "correspondence"}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        if await worklist.look(tx, tenant, case_id) is None:
            raise not_found("case")
        rows = await store.list_of_case(tx, tenant, case_id, before=before, limit=limit + 1)
    return cut_page(
        rows, limit, tenant, filters, lambda row: EntryView.model_validate(dict(row)), position=lambda row: row["entry_id"]
    )


@router.get(_ONE, summary="One entry", responses=responses(404, 422))
async def get_entry(case_id: UUID, entry_id: UUID, response: Response, tenant: TenantDep, database: DatabaseDep) -> EntryView:
    async with database.begin(tenant) as tx:
        row = await _found(tx, tenant, case_id, entry_id)
    return _view(row, response)


@router.patch(_ONE, summary="Say what became of a promise", responses=responses(400, 404, 409, 412, 415, 422, 428))
async def end_promise(
    case_id: UUID,
    entry_id: UUID,
    body: EndPromise,
    response: Response,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    if_match: IfMatch = None,
) -> EntryView:
    """The task that a missed promise left is done with it."""
    version = read_version(if_match)
    async with database.begin(tenant) as tx:
        row = await _found(tx, tenant, case_id, entry_id, lock=True)
        check_version(row["version"], version, "entry")
        if row["promise_is"] is None or body.promise_is not in ENDINGS[row["promise_is"]]:
            raise Problem(409, "no-open-promise", "Nothing was promised here that is still to come.")
        await store.end_promise(tx, row, body.promise_is, who, clock.now())
        changed = await _found(tx, tenant, case_id, entry_id)
    return _view(changed, response)
