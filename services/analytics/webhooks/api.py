"""Webhooks over HTTP: who is told of alerts, and what became of each post."""

import base64
import secrets
from datetime import datetime
from typing import Annotated, Final, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from libs.common.addresses import BadAddress, read_url
from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problems import Problem, not_found, responses
from libs.common.ids import uuid7
from libs.common.people import PERSON
from services.analytics.webhooks import store
from services.analytics.webhooks.store import Delivery, State, Webhook

router = APIRouter(tags=["webhooks"])

WEBHOOKS_MAX: Final = 50
_SECRET_BYTES: Final = 32
WebhookId = Annotated[UUID, Path(description="as the list gives it")]


class WebhookBody(BaseModel, extra="forbid"):
    url: str = Field(min_length=1, max_length=2000, description="https, to a public address")


class WebhookView(BaseModel):
    webhook_id: UUID
    url: str
    created_at: datetime
    created_by: str


class CreatedWebhook(WebhookView):
    secret: str = Field(description="what posts are signed with (Standard Webhooks 1.0): `whsec_` and base64; told this once")


class WebhookList(BaseModel):
    items: list[WebhookView]


class DeliveryView(BaseModel):
    """One step of an alert for one subscriber."""

    delivery_id: UUID = Field(description="`webhook-id` of every attempt")
    state: State = Field(description="dead: given up; `last_outcome` says why")
    attempts: int
    next_at: datetime | None = Field(description="when it is tried next; null: no more")
    created_at: datetime
    ended_at: datetime | None
    last_outcome: str | None = Field(
        description="what the receiver calls it, or its status; else why: receiver_away, private_address, redirected, refused_404"
    )

    @classmethod
    def of(cls, each: Delivery) -> "DeliveryView":
        told = {name: getattr(each, name) for name in cls.model_fields}
        return cls.model_validate(told | {"next_at": each.next_at if each.state == "waiting" else None})


def _view(webhook: Webhook) -> dict[str, object]:
    return {name: getattr(webhook, name) for name in WebhookView.model_fields}


def _read(url: str, request: Request) -> str:
    try:
        return read_url(url, loopback=cast("bool", request.app.state.webhook_loopback))
    except BadAddress as error:
        told = "This address cannot be posted to: `reason` says why."
        raise Problem(422, "bad-webhook-address", told, reason=error.reason) from None


@router.post(
    "/v1/webhooks",
    summary="Have alerts posted to an address",
    status_code=201,
    responses=responses(400, 409, 413, 415, 422),
)
async def create_webhook(
    body: WebhookBody,
    request: Request,
    response: Response,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> CreatedWebhook:
    """Every step of every alert from now on: `{"type": "alert.opened", "timestamp": ..., "data": ...}`."""
    idempotency.require(key)
    url = _read(body.url, request)
    now = clock.now()
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("create_webhook", body.model_dump_json()), now)
        if kept is not None:
            webhook = await store.get(tx, tenant, UUID(kept.body))
            if webhook is None:
                raise Problem(409, "webhook-gone", "What this Idempotency-Key created was deleted.")
        else:
            if await store.count(tx, tenant) >= WEBHOOKS_MAX:
                raise Problem(409, "too-many-webhooks", f"There are {WEBHOOKS_MAX} at most.")
            webhook = Webhook(tenant, uuid7(), url, secrets.token_bytes(_SECRET_BYTES), now, PERSON)
            await store.insert(tx, webhook)
            await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, str(webhook.webhook_id)))
    response.headers["Location"] = f"/v1/webhooks/{webhook.webhook_id}"
    secret = "whsec_" + base64.b64encode(webhook.secret).decode()
    return CreatedWebhook.model_validate({**_view(webhook), "secret": secret})


@router.get("/v1/webhooks", summary="Who is told of alerts", responses=responses())
async def list_webhooks(tenant: TenantDep, database: DatabaseDep) -> WebhookList:
    async with database.begin(tenant) as tx:
        found = await store.find(tx, tenant)
    return WebhookList.model_validate({"items": list(map(_view, found))})


@router.get("/v1/webhooks/{webhook_id}", summary="One of them", responses=responses(404, 422))
async def get_webhook(webhook_id: WebhookId, tenant: TenantDep, database: DatabaseDep) -> WebhookView:
    async with database.begin(tenant) as tx:
        webhook = await store.get(tx, tenant, webhook_id)
    if webhook is None:
        raise not_found("webhook")
    return WebhookView.model_validate(_view(webhook))


@router.delete("/v1/webhooks/{webhook_id}", summary="Post nothing more there", status_code=204, responses=responses(404, 422))
async def delete_webhook(webhook_id: WebhookId, tenant: TenantDep, database: DatabaseDep) -> None:
    """What waits to be posted there is dropped."""
    async with database.begin(tenant) as tx:
        if not await store.delete(tx, tenant, webhook_id):
            raise not_found("webhook")


@router.get(
    "/v1/webhooks/{webhook_id}/deliveries", summary="What was posted there, the newest first", responses=responses(400, 404, 422)
)
async def list_deliveries(
    webhook_id: WebhookId,
    tenant: TenantDep,
    database: DatabaseDep,
    state: Annotated[Literal["waiting", "delivered", "dead"] | None, Query(description="only these")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[DeliveryView]:
    """Those that ended are kept for 30 days."""
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
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}:retry",
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
