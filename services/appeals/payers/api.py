"""Payers over HTTP: the registry, their entries, and their levels of appeal by version."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problem import not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.appeals.deadlines import counting
from services.appeals.deadlines.levels import UNCONFIGURED, Level, Payer, floor_cents, in_force
from services.appeals.payers import store
from services.appeals.payers.views import (
    EntryBody,
    LevelBody,
    LevelsBody,
    LevelsVersion,
    LevelsView,
    LevelView,
    PayerDetail,
    PayerView,
)
from services.appeals.worklist import bulk, bulk_store, desk
from services.appeals.worklist.choosing import Chosen

router = APIRouter(tags=["payers"])


def _is_a_name(told: str) -> str:
    """Refuse what is left of a path whose payer was left out: `/v1/payers//levels`."""
    if told in ("levels", "history"):
        raise ValueError("is no payer")
    return told


PayerId = Annotated[
    str, Path(min_length=1, max_length=80, description="as remittances name the payer (TRN03)"), AfterValidator(_is_a_name)
]
_DEADLINES = {"unknown": ("unknown",), "assumed": ("assumed",), "unsettled": ("unknown", "assumed")}
_payer = msgspec.json.Decoder(Payer).decode


@router.get("/v1/payers", summary="Payers, and what is not settled of them", responses=responses(400, 422))
async def list_payers(
    tenant: TenantDep,
    database: DatabaseDep,
    deadline: Annotated[
        Literal["unknown", "assumed", "unsettled"] | None, Query(description="only those with an open case whose last day is so")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[PayerView]:
    filters = {"deadline": deadline, "list": "payers"}
    after = read_cursor(cursor, tenant, filters, str)
    wanted = _DEADLINES[deadline] if deadline is not None else ()
    async with database.begin(tenant) as tx:
        rows = await store.find(tx, tenant, after=after, deadlines=wanted, limit=limit + 1)
    return cut_page(rows, limit, tenant, filters, PayerView.of, position=lambda row: row["payer_id"])


@router.get("/v1/payers/{payer_id}", summary="A payer: how it is reached, and its limits so far", responses=responses(404, 422))
async def get_payer(payer_id: PayerId, tenant: TenantDep, database: DatabaseDep) -> PayerDetail:
    async with database.begin(tenant) as tx:
        return await _detail(tx, tenant, payer_id)


async def _detail(tx: AsyncConnection, tenant: str, payer_id: str) -> PayerDetail:
    row = await store.get(tx, tenant, payer_id)
    if row is None:
        raise not_found("payer")
    return PayerDetail.build(row, await store.rules_seen(tx, tenant, payer_id))


@router.put("/v1/payers/{payer_id}", summary="Write how a payer is reached", responses=responses(404, 415, 422))
async def put_payer(
    payer_id: PayerId, body: EntryBody, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> PayerDetail:
    """What is sent becomes the next version of its entry; the same again changes nothing. Who wrote which version is kept."""
    told = body.model_dump(mode="json")
    async with database.begin(tenant) as tx:
        await store.lock(tx, tenant, payer_id)
        before = await store.newest(tx, tenant, payer_id, "entry")
        if before is None or msgspec.json.decode(before["told"]) != told:
            version = before["version"] + 1 if before is not None else 1
            await store.insert_version(tx, tenant, payer_id, "entry", version, told, who, clock.now())
        return await _detail(tx, tenant, payer_id)


@router.get("/v1/payers/{payer_id}/levels", summary="A payer's levels of appeal", responses=responses(404, 422))
async def get_levels(payer_id: PayerId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> LevelsView:
    async with database.begin(tenant) as tx:
        known = await store.get(tx, tenant, payer_id)
        row = await store.newest(tx, tenant, payer_id, "levels")
    if known is None:
        raise not_found("payer")
    return _view(payer_id, known["payer_kind"], row, clock.now())


def _view(payer_id: str, payer_kind: str | None, row: Any | None, now: datetime, reckoning: str | None = None) -> LevelsView:
    payer = _payer(row["told"]) if row is not None else UNCONFIGURED
    today = counting.today(now, payer.zone)
    held = {each.level for each in payer.levels}
    return LevelsView(
        payer_id=payer_id,
        version=row["version"] if row is not None else 0,
        path=payer.path,
        time_zone=payer.zone,
        own_levels=[_body(each) for each in payer.levels],
        in_force=[_level(each, today, own=each.level in held) for each in in_force(payer, payer_kind, today).values()],
        changed_by=row["who"] if row is not None else None,
        changed_at=row["at"] if row is not None else None,
        reckoning=reckoning,
    )


def _body(level: Level) -> LevelBody:
    told = msgspec.structs.asdict(level)
    return LevelBody.model_validate({name: told[name] for name in LevelBody.model_fields})


def _level(level: Level, today: date, *, own: bool) -> LevelView:
    told = msgspec.structs.asdict(level)
    return LevelView.model_validate({**told, "own": own, "floor_cents": floor_cents(level.floor, today) if level.floor else None})


@router.put("/v1/payers/{payer_id}/levels", summary="Settle a payer's levels of appeal", responses=responses(404, 415, 422))
async def put_levels(
    payer_id: PayerId, body: LevelsBody, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> LevelsView:
    """What is sent becomes the next version; the same again changes nothing.

    The payer's open cases are reckoned anew by the worker: `reckoning` is where to see how far that is.
    """
    now, payer = clock.now(), body.to_payer()
    reckoning = None
    async with database.begin(tenant) as tx:
        await store.lock(tx, tenant, payer_id)
        row = await store.newest(tx, tenant, payer_id, "levels")
        if row is None or _payer(row["told"]) != payer:
            version = row["version"] + 1 if row is not None else 1
            await store.insert_version(tx, tenant, payer_id, "levels", version, payer, who, now)
            row = await store.newest(tx, tenant, payer_id, "levels")
            chosen = Chosen(payer=payer_id)
            begun = bulk.reckoning(tenant, uuid7(), chosen, await desk.count(tx, tenant, chosen), now)
            await bulk_store.insert(tx, begun)
            reckoning = f"/v1/bulk-actions/{begun.bulk_id}"
        known = await store.get(tx, tenant, payer_id)
    return _view(payer_id, known["payer_kind"] if known is not None else None, row, now, reckoning)


@router.get("/v1/payers/{payer_id}/levels/history", summary="Who settled what when, newest first", responses=responses(404, 422))
async def list_levels_versions(
    payer_id: PayerId, tenant: TenantDep, database: DatabaseDep, limit: Limit = LIMIT
) -> list[LevelsVersion]:
    async with database.begin(tenant) as tx:
        if await store.get(tx, tenant, payer_id) is None:
            raise not_found("payer")
        rows = await store.versions(tx, tenant, payer_id, "levels", limit)
    return [_version(row) for row in rows]


def _version(row: Any) -> LevelsVersion:
    payer = _payer(row["told"])
    return LevelsVersion(
        version=row["version"],
        path=payer.path,
        time_zone=payer.zone,
        own_levels=[_body(each) for each in payer.levels],
        changed_by=row["who"],
        changed_at=row["at"],
    )
