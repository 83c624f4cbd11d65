"""Webhooks as HTTP shows them, and what they post."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.http.written import Moment
from libs.common.standard_webhooks import write_secret
from services.analytics.webhooks.rules import EventType
from services.analytics.webhooks.store import Delivery, Replay, State, Webhook

EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=20)]
_URL = Field(min_length=1, max_length=2000, description="https, to a public address")


class WebhookBody(BaseModel, extra="forbid"):
    url: str = _URL
    event_types: EventTypes | None = Field(None, description="what is posted there; absent: the steps of alerts")


class ChangeBody(BaseModel, extra="forbid"):
    """What is absent stays."""

    url: str | None = Field(None, min_length=1, max_length=2000, description="https, to a public address")
    event_types: EventTypes | None = None
    enabled: bool | None = Field(None, description="true: post again, from what waits on; false: post nothing until then")


class RotateBody(BaseModel, extra="forbid"):
    overlap_hours: int = Field(24, ge=0, le=720, description="how long the secret before signs too")


class ReplayBody(BaseModel, extra="forbid"):
    from_at: Moment = Field(description="from when on; what is older than the retention of `webhook-messages` is not kept")
    to_at: Moment | None = Field(None, description="up to when, not included; absent: now")


class WebhookView(BaseModel):
    webhook_id: UUID
    url: str
    event_types: list[str]
    status: Literal["active", "failing", "disabled"] = Field(description="failing: it has not taken the last posts")
    created_at: datetime
    created_by: str
    old_secret_until: datetime | None = Field(description="until when the secret before signs too; null: it does not")
    failures: int = Field(description="attempts in vain since it last took something")
    failing_since: datetime | None
    paused_until: datetime | None = Field(description="when it is tried next, while it takes nothing")
    disabled_at: datetime | None
    disabled_reason: str | None = Field(description="failing: for five days; gone: it answered 410; by_person")

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookView":
        return cls.model_validate(told_of(webhook))


def told_of(webhook: Webhook) -> dict[str, Any]:
    told = {name: getattr(webhook, name) for name in WebhookView.model_fields if name != "status"}
    is_well = webhook.failures == 0
    return told | {"status": "disabled" if webhook.disabled_at is not None else "active" if is_well else "failing"}


class CreatedWebhook(WebhookView):
    secret: str = Field(description="what posts are signed with (Standard Webhooks 1.0): `whsec_` and base64; told this once")

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: bytes) -> "CreatedWebhook":
        return cls.model_validate({**told_of(webhook), "secret": write_secret(secret)})


class WebhookList(BaseModel):
    items: list[WebhookView]


class AttemptView(BaseModel):
    at: datetime
    outcome: str = Field(description="as `last_outcome`")
    millis: int


class DeliveryView(BaseModel):
    """One message for one subscriber."""

    delivery_id: UUID = Field(description="`webhook-id` of every attempt")
    type: str
    sequence: int = Field(description="number of the message among all of the tenant")
    previous: int | None = Field(description="number of what was queued for this webhook before it; null: the first, or replayed")
    state: State = Field(description="dead: given up; `last_outcome` says why")
    attempts: int = Field(description="in vain or not, since it was queued or asked for again")
    next_at: datetime | None = Field(description="when it is tried next; null: no more")
    created_at: datetime
    ended_at: datetime | None
    last_outcome: str | None = Field(
        description="what the receiver calls it, or its status; else why: receiver_away, receiver_away_503, receiver_slow,"
        " bad_answer, bad_certificate, private_address, bad_address, redirected, refused_404"
    )
    tried: list[AttemptView] = Field(description="the last 20 attempts, oldest first")

    @classmethod
    def of(cls, each: Delivery) -> "DeliveryView":
        told = {name: getattr(each, name) for name in cls.model_fields}
        return cls.model_validate(told | {"next_at": each.next_at if each.state == "waiting" else None})


class ReplayView(BaseModel):
    """What is posted again, of a time."""

    replay_id: UUID
    from_at: datetime
    to_at: datetime
    queued: int = Field(description="how much of it is queued by now; what waited already is not counted")
    created_at: datetime
    finished_at: datetime | None = Field(description="when all of it was queued; null: it is under way")

    @classmethod
    def of(cls, replay: Replay) -> "ReplayView":
        return cls.model_validate({name: getattr(replay, name) for name in cls.model_fields})


class TriedView(BaseModel):
    message_id: UUID
    type: Literal["webhook.test"] = "webhook.test"


class PostedView(BaseModel):
    """The body of a post; its headers `webhook-id`, `-timestamp` and `-signature` are those of Standard Webhooks 1.0."""

    type: str = Field(description="denial.classified, alert.opened, ...; `webhook.test` is for whoever tries it")
    timestamp: datetime = Field(description="when analytics learned of it")
    sequence: int = Field(description="number among all that is told to the tenant's webhooks, in the order in which it happened")
    previous: int | None = Field(
        description="`sequence` of what was told to this webhook before; null: nothing, or this is replayed"
    )
    data: dict[str, Any] = Field(description="as the topic of this name has it (docs/events), or as the stream tells of an alert")
