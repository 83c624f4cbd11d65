"""What became of each post, over HTTP, and posting it again."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.analytics.webhooks import store
from services.analytics.webhooks.api import WebhookId
from services.analytics.webhooks.store import Delivery, Replay
from services.analytics.webhooks.views import DeliveryView, ReplayBody, ReplayView

router = APIRouter(tags=["webhooks"])

REPLAYS_OPEN_MAX: Final = 5
_ONE: Final = "/v1/webhooks/{webhook_id}"


@router.get(f"{_ONE}/deliveries", summary="What was posted there, the newest first", responses=responses(400, 404, 422))
async def list_deliveries(
    webhook_id: WebhookId,
    tenant: TenantDep,
    database: DatabaseDep,
    state: Annotated[Literal["waiting", "delivered", "dead"] | None, Query(description="only these")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[DeliveryView]:
    """They are kept for as long as the tenant's retention of `webhook-messages` says."""
    filters = {"webhook_id": webhook_id, "state": state}
    after = read_cursor(cursor, tenant, filters, _place)
    async with database.begin(tenant) as tx:
        if await store.get(tx, tenant, webhook_id) is None:
            raise not_found("webhook")
        found = await store.deliveries(tx, tenant, webhook_id, state, after, limit + 1)

    def position(each: Delivery) -> str:
        return f"{each.created_at.isoformat()} {each.delivery_id}"

    return cut_page(found, limit, tenant, filters, DeliveryView.of, position=position)


def _place(told: str) -> tuple[datetime, UUID]:
    at, _, delivery_id = told.partition(" ")
    return datetime.fromisoformat(at), UUID(delivery_id)


@router.post(
    f"{_ONE}/deliveries/{{delivery_id}}:retry",
    summary="Post something once more",
    status_code=202,
    responses=responses(404, 422),
)
async def retry_delivery(
    webhook_id: WebhookId,
    delivery_id: Annotated[UUID, Path(description="as the list gives it")],
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> DeliveryView:
    """Also what was delivered, under the same `webhook-id`; what waits already keeps its time."""
    async with database.begin(tenant) as tx:
        found = await store.revive(tx, tenant, webhook_id, delivery_id, clock.now())
    if found is None:
        raise not_found("delivery of this webhook")
    return DeliveryView.of(found)


@router.post(
    f"{_ONE}:replay",
    summary="Post again what happened in a time",
    status_code=202,
    responses=responses(400, 404, 409, 413, 415, 422),
)
async def replay_webhook(
    webhook_id: WebhookId,
    body: ReplayBody,
    response: Response,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> ReplayView:
    """Of the types that it subscribes to now, told of then or not; what it was told of bears its `webhook-id` again."""
    idempotency.require(key)
    now = clock.now()
    to_at = body.to_at or now
    if body.from_at >= to_at:
        raise Problem(422, "bad-period", "`from_at` is not before `to_at`.")
    asked = idempotency.digest("replay_webhook", str(webhook_id), body.model_dump_json())
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, asked, now)
        if await store.get(tx, tenant, webhook_id, lock=True) is None:
            raise not_found("webhook")
        if kept is not None:
            replay = await store.get_replay(tx, tenant, webhook_id, UUID(kept.body))
            if replay is None:
                raise not_found("replay of this webhook")
        else:
            if await store.open_replays(tx, tenant, webhook_id) >= REPLAYS_OPEN_MAX:
                raise Problem(409, "too-many-replays", f"{REPLAYS_OPEN_MAX} at most are under way.")
            replay = Replay(tenant, uuid7(), webhook_id, body.from_at, to_at, now)
            await store.insert_replay(tx, replay)
            await idempotency.finish(tx, tenant, key, idempotency.Kept(202, None, str(replay.replay_id)))
    response.headers["Location"] = f"/v1/webhooks/{webhook_id}/replays/{replay.replay_id}"
    return ReplayView.of(replay)


@router.get(f"{_ONE}/replays/{{replay_id}}", summary="How far a replay is", responses=responses(404, 422))
async def get_replay(
    webhook_id: WebhookId,
    replay_id: Annotated[UUID, Path(description="as it was answered")],
    tenant: TenantDep,
    database: DatabaseDep,
) -> ReplayView:
    async with database.begin(tenant) as tx:
        replay = await store.get_replay(tx, tenant, webhook_id, replay_id)
    if replay is None:
        raise not_found("replay of this webhook")
    return ReplayView.of(replay)
