"""Replays over HTTP: begun, watched, looked through, applied, cancelled."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Response
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.words import Action, Category
from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, require_period
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.http.written import Day
from libs.common.ids import uuid7
from libs.common.orders import ring
from services.classifier.replays import store
from services.classifier.replays.comparing import TRANSITIONS, Command, Side, State
from services.classifier.replays.store import ChangeRow, Move, Replay
from services.classifier.rules import store as rules_store
from services.classifier.views import Kind

router = APIRouter(tags=["rules"])

ReplayId = Annotated[UUID, Path(description="the replay")]


class ReplayBody(BaseModel):
    """Which version is tried over which payment days, both included."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"version": 3, "from": "2026-01-01", "to": "2026-03-31"}}
    )

    version: int = Field(ge=0, le=2**31 - 1, description="a draft's or an older one's number; 0: none of your rules")
    first_on: Day = Field(alias="from")
    last_on: Day = Field(alias="to")
    per_second: int | None = Field(
        None, ge=1, le=1_000_000, description="at most so many denials a second; null: as fast as it can"
    )


class MoveView(BaseModel):
    from_category: Category
    from_action: Action
    to_category: Category
    to_action: Action
    denials: int
    denied_cents: int
    recoverable_before_cents: int = Field(description="refused in denials that somebody can pursue, as they stand")
    recoverable_after_cents: int


class ReplayView(BaseModel):
    replay_id: UUID
    version: int
    first_on: date
    last_on: date
    per_second: int | None
    state: State
    total: int = Field(description="denials of the period that stand")
    compared: int = Field(description="of them judged so far")
    unjudged: int = Field(description="of them without what they were judged from: older than this feature; they stay as they are")
    changed: int = Field(description="of them different by this version")
    passed: int = Field(description="of the changed, gone through to apply them")
    applied: int = Field(description="of them revised; fewer where the payer took a denial back meanwhile")
    created_at: datetime
    updated_at: datetime


class ReplayDetail(ReplayView):
    moves: list[MoveView] = Field(description="from which category and action to which, the most money first")


class SideView(BaseModel):
    category: Category
    kind: Kind
    action: Action
    denied_cents: int
    recoverable_cents: int
    rule_version: str | None

    @classmethod
    def of(cls, told: Side) -> Self:
        return cls.model_validate(msgspec.structs.asdict(told))


class ChangeView(BaseModel):
    denial_id: UUID
    before: SideView
    after: SideView

    @classmethod
    def of(cls, row: ChangeRow) -> Self:
        return cls(denial_id=row.denial_id, before=SideView.of(row.before), after=SideView.of(row.after))


@router.post("/v1/replays", summary="Try a version over a past period", status_code=202, responses=responses(404, 409, 413, 422))
async def begin_replay(
    body: ReplayBody,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    response: Response,
    key: idempotency.Key = None,
) -> ReplayView:
    """Nothing changes but the replay itself. The same again while it is not compared yet is the same replay; with an
    Idempotency-Key also later, as it stands then.
    """
    require_period(body.first_on, body.last_on)
    now = clock.now()
    wanted = Replay(
        tenant_id=tenant,
        replay_id=uuid7(),
        version=body.version,
        first_on=body.first_on,
        last_on=body.last_on,
        per_second=body.per_second,
        state="waiting",
        position=store.NOWHERE,
        created_at=now,
        updated_at=now,
    )
    digest = idempotency.digest("begin_replay", body.model_dump_json())
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is not None:
            response.headers["Location"] = f"/v1/replays/{kept.body}"
            return _view(await _found(tx, tenant, UUID(kept.body)))
        await rules_store.lock(tx, tenant)
        if await rules_store.rule_set(tx, tenant, body.version) is None:
            raise not_found("version of the rules")
        replay = await store.unfinished(tx, wanted)
        if replay is None:
            await store.insert(tx, wanted)
            replay = wanted
        await idempotency.finish(tx, tenant, key, idempotency.Kept(202, None, str(replay.replay_id)))
    response.headers["Location"] = f"/v1/replays/{replay.replay_id}"
    return _view(replay)


@router.get("/v1/replays", summary="Replays, newest first", responses=responses(400, 422))
async def list_replays(tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[ReplayView]:
    before = read_id_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        rows = await store.replays(tx, tenant, before=before, limit=limit + 1)
    return cut_page(rows, limit, tenant, {}, _view, position=lambda row: row.replay_id)


@router.get("/v1/replays/{replay_id}", summary="One replay: how far it is, and what it changes", responses=responses(404, 422))
async def get_replay(replay_id: ReplayId, tenant: TenantDep, database: DatabaseDep) -> ReplayDetail:
    async with database.begin(tenant) as tx:
        replay = await _found(tx, tenant, replay_id)
        moves = await store.moves(tx, tenant, replay_id)
    return _detail(replay, moves)


@router.get("/v1/replays/{replay_id}/changes", summary="Denials that change, side by side", responses=responses(400, 404, 422))
async def list_changed(
    replay_id: ReplayId, tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[ChangeView]:
    filters = {"replay_id": replay_id}
    after = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        await _found(tx, tenant, replay_id)
        rows = await store.changes(tx, tenant, replay_id, after=after, limit=limit + 1)
    return cut_page(rows, limit, tenant, filters, ChangeView.of, position=lambda row: row.row_id)


@router.post(
    "/v1/replays/{replay_id}/apply",
    summary="Make the changes: the next revision of each denial",
    status_code=202,
    responses=responses(404, 409, 422),
)
async def apply_replay(replay_id: ReplayId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> ReplayView:
    """Only of a version that was in force: a draft is published first. Each denial is judged as it stands when its turn comes."""
    async with database.begin(tenant) as tx:
        replay = await _found(tx, tenant, replay_id, lock=True)
        version = await rules_store.version_of(tx, tenant, replay.version)
        if version is not None and version.published_at is None:
            raise Problem(409, "version-not-published", "The version is a draft: publish it before its replay is applied.")
        if replay.state not in ("applying", "applied"):
            replay = _moved(replay, "apply", clock.now())
            await store.update(tx, replay)
            await ring(tx)
    return _view(replay)


@router.post("/v1/replays/{replay_id}/cancel", summary="Stop a replay", responses=responses(404, 409, 422))
async def cancel_replay(replay_id: ReplayId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> ReplayView:
    """What was applied stays; the batch at work ends first."""
    async with database.begin(tenant) as tx:
        replay = await _found(tx, tenant, replay_id, lock=True)
        if replay.state != "cancelled":
            replay = _moved(replay, "cancel", clock.now())
            await store.update(tx, replay)
    return _view(replay)


async def _found(tx: AsyncConnection, tenant: str, replay_id: UUID, *, lock: bool = False) -> Replay:
    replay = await store.get(tx, tenant, replay_id, lock=lock)
    if replay is None:
        raise not_found("replay")
    return replay


def _moved(replay: Replay, command: Command, now: datetime) -> Replay:
    state = TRANSITIONS.get((replay.state, command))
    if state is None:
        raise Problem(409, "replay-elsewhere", f"A replay that is {replay.state} cannot do that.")
    return replace(replay, state=state, updated_at=now)


def _view(replay: Replay) -> ReplayView:
    return ReplayView.model_validate(msgspec.structs.asdict(replay))


def _detail(replay: Replay, moves: list[Move]) -> ReplayDetail:
    told = msgspec.structs.asdict(replay) | {"moves": [msgspec.structs.asdict(move) for move in moves]}
    return ReplayDetail.model_validate(told)
