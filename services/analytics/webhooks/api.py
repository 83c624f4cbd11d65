"""Webhooks over HTTP: who is told of what."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final, cast
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from msgspec.structs import replace

from libs.common.access.caller import Caller
from libs.common.addresses import BadAddress, read_url
from libs.common.http import idempotency
from libs.common.http.access import forbidden
from libs.common.http.deps import CallerDep, ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.analytics.webhooks import messages, store
from services.analytics.webhooks.rules import ALERT_TYPES, SCOPE_OF, TEST, EventType
from services.analytics.webhooks.store import Webhook
from services.analytics.webhooks.views import (
    ChangeBody,
    CreatedWebhook,
    RotateBody,
    TriedView,
    WebhookBody,
    WebhookList,
    WebhookView,
)

router = APIRouter(tags=["webhooks"])

WEBHOOKS_MAX: Final = 50
_SECRET_BYTES: Final = 32
_ONE: Final = "/v1/webhooks/{webhook_id}"
WebhookId = Annotated[UUID, Path(description="as the list gives it")]


def _read(url: str, request: Request) -> str:
    try:
        return read_url(url, loopback=cast("bool", request.app.state.webhook_loopback))
    except BadAddress as error:
        told = "This address cannot be posted to: `reason` says why."
        raise Problem(422, "bad-webhook-address", told, reason=error.reason) from None


def _types(told: Sequence[EventType], caller: Caller) -> list[EventType]:
    """Return types, each once. Errors: Problem 403, where the caller may not read what one tells."""
    for each in told:
        if SCOPE_OF[each] not in caller.scopes:
            raise forbidden(SCOPE_OF[each])
    return list(dict.fromkeys(told))


@router.post(
    "/v1/webhooks",
    summary="Have what happens posted to an address",
    status_code=201,
    responses=responses(400, 409, 413, 415, 422),
)
async def create_webhook(
    body: WebhookBody,
    request: Request,
    response: Response,
    caller: CallerDep,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> CreatedWebhook:
    """All of these types from now on: `{"type": "denial.classified", "timestamp": ..., "sequence": ..., "data": ...}`."""
    idempotency.require(key)
    url, types, now = _read(body.url, request), _types(body.event_types or ALERT_TYPES, caller), clock.now()
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("create_webhook", body.model_dump_json()), now)
        if kept is not None:
            webhook = await store.get(tx, tenant, UUID(kept.body))
            if webhook is None:
                raise Problem(409, "webhook-gone", "What this Idempotency-Key created was deleted.")
            secret = await store.secret_of(tx, webhook)
        else:
            if await store.count(tx, tenant) >= WEBHOOKS_MAX:
                raise Problem(409, "too-many-webhooks", f"There are {WEBHOOKS_MAX} at most.")
            secret = secrets.token_bytes(_SECRET_BYTES)
            webhook = await store.with_secret(tx, Webhook(tenant, uuid7(), url, types, b"", now, caller.subject), secret)
            await store.insert(tx, webhook)
            await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, str(webhook.webhook_id)))
    response.headers["Location"] = f"/v1/webhooks/{webhook.webhook_id}"
    return CreatedWebhook.with_secret(webhook, secret)


@router.get("/v1/webhooks", summary="Who is told of what", responses=responses())
async def list_webhooks(tenant: TenantDep, database: DatabaseDep) -> WebhookList:
    async with database.begin(tenant) as tx:
        found = await store.find(tx, tenant)
    return WebhookList(items=list(map(WebhookView.of, found)))


@router.get(_ONE, summary="One of them", responses=responses(404, 422))
async def get_webhook(webhook_id: WebhookId, tenant: TenantDep, database: DatabaseDep) -> WebhookView:
    async with database.begin(tenant) as tx:
        webhook = await store.get(tx, tenant, webhook_id)
    if webhook is None:
        raise not_found("webhook")
    return WebhookView.of(webhook)


@router.patch(_ONE, summary="Move, widen, stop or go on", responses=responses(404, 413, 415, 422))
async def change_webhook(
    webhook_id: WebhookId,
    body: ChangeBody,
    request: Request,
    caller: CallerDep,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> WebhookView:
    """While it is disabled nothing new is queued for it: what came meanwhile is replayed."""
    url = None if body.url is None else _read(body.url, request)
    types = None if body.event_types is None else _types(body.event_types, caller)
    async with database.begin(tenant) as tx:
        webhook = await store.get(tx, tenant, webhook_id, lock=True)
        if webhook is None:
            raise not_found("webhook")
        if url is not None:
            webhook = replace(webhook, url=url)
        if types is not None:
            webhook = replace(webhook, event_types=types)
        if body.enabled is True:
            webhook = replace(webhook, failures=0, failing_since=None, paused_until=None, disabled_at=None, disabled_reason=None)
        elif body.enabled is False and webhook.disabled_at is None:
            webhook = replace(webhook, disabled_at=clock.now(), disabled_reason="by_person")
        await store.update(tx, webhook)
    return WebhookView.of(webhook)


@router.delete(_ONE, summary="Post nothing more there", status_code=204, responses=responses(404, 422))
async def delete_webhook(webhook_id: WebhookId, tenant: TenantDep, database: DatabaseDep) -> None:
    """What waits to be posted there is dropped."""
    async with database.begin(tenant) as tx:
        if not await store.delete(tx, tenant, webhook_id):
            raise not_found("webhook")


@router.post(f"{_ONE}:rotate", summary="Give it another secret", status_code=201, responses=responses(400, 404, 409, 413, 415, 422))
async def rotate_secret(
    webhook_id: WebhookId,
    body: RotateBody,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    key: idempotency.Key = None,
) -> CreatedWebhook:
    """Until the overlap is over, posts bear the signatures of both: a receiver changes over when it likes."""
    idempotency.require(key)
    now = clock.now()
    asked = idempotency.digest("rotate_webhook", str(webhook_id), body.model_dump_json())
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, asked, now)
        webhook = await store.get(tx, tenant, webhook_id, lock=True)
        if webhook is None:
            raise not_found("webhook")
        if kept is None:
            until = now + timedelta(hours=body.overlap_hours)
            secret = secrets.token_bytes(_SECRET_BYTES)
            webhook = await store.with_another_secret(tx, webhook, secret, until)
            await store.update(tx, webhook)
            await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, _mark(secret)))
        elif kept.body != _mark(secret := await store.secret_of(tx, webhook)):
            raise Problem(409, "secret-replaced", "The secret that this Idempotency-Key made was replaced since.")
    return CreatedWebhook.with_secret(webhook, secret)


def _mark(secret: bytes) -> str:
    """Return what tells a secret from another and does not tell it."""
    return hashlib.sha256(secret).hexdigest()


@router.post(
    f"{_ONE}:test", summary="Have something posted there to try it", status_code=202, responses=responses(400, 404, 409, 422)
)
async def try_webhook(
    webhook_id: WebhookId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep, key: idempotency.Key = None
) -> TriedView:
    """A `webhook.test`, whatever it subscribed to: the list of deliveries says what became of it."""
    idempotency.require(key)
    now = clock.now()
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("test_webhook", str(webhook_id)), now)
        webhook = await store.get(tx, tenant, webhook_id)
        if webhook is None:
            raise not_found("webhook")
        if webhook.disabled_at is not None:
            raise Problem(409, "webhook-disabled", "Nothing is posted there: enable it first.")
        if kept is not None:
            return TriedView(message_id=UUID(kept.body))
        message_id = await messages.keep_for(tx, tenant, webhook_id, TEST, b'{"webhook_id":"%s"}' % str(webhook_id).encode(), now)
        await idempotency.finish(tx, tenant, key, idempotency.Kept(202, None, str(message_id)))
    return TriedView(message_id=message_id)
