"""`recours webhooks`: who is told by signed posts, and what became of each."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from msgspec import Raw, Struct

from libs.client.services import list_items
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import NO_BODY, Answer, Body, Service, json_body

_WEBHOOKS: Final = (
    Column("webhook", width=36),
    Column("status", width=8),
    Column("address", min_width=20),
    Column("types", min_width=18),
    Column("since", width=10),
)
_POLL_SECONDS: Final = 0.5
_DELIVERIES: Final = (
    Column("delivery", width=36),
    Column("number", "right"),
    Column("type", width=18),
    Column("state", width=9),
    Column("attempts", "right"),
    Column("created", width=16),
    Column("next", width=16),
    Column("outcome", min_width=10),
)


class Webhook(Struct, frozen=True):
    webhook_id: UUID
    url: str
    event_types: list[str]
    status: str
    created_at: str
    disabled_reason: str | None


class Created(Webhook, frozen=True):
    secret: str


class Tried(Struct, frozen=True):
    message_id: UUID
    type: str


class Replayed(Struct, frozen=True):
    replay_id: UUID
    queued: int
    finished_at: str | None


class Listed(Struct, frozen=True):
    items: list[Raw]


class Delivery(Struct, frozen=True):
    delivery_id: UUID
    type: str
    sequence: int
    state: str
    attempts: int
    next_at: str | None
    created_at: str
    last_outcome: str | None


def _named(told: Mapping[str, Any]) -> Body:
    return json_body({name: value for name, value in told.items() if value is not None}, {"Idempotency-Key": str(uuid4())})


def subscribe(analytics: Service, url: str, types: Sequence[str] | None) -> Answer[Created]:
    """Have what happens posted to an address."""
    return analytics.post_again("/v1/webhooks", Created, _named({"url": url, "event_types": types}))


def create(url: str, types: Sequence[str] | None, *, as_json: bool) -> None:
    """Subscribe an address; its secret is told this once."""
    with Service("analytics") as analytics:
        _tell_secret(subscribe(analytics, url, types), as_json=as_json)


def _tell_secret(answer: Answer[Created], *, as_json: bool) -> None:
    if as_json:
        print_json(Raw(answer.raw))
        return
    output().print(f"{answer.value.webhook_id} is told; posts are signed with {answer.value.secret}", soft_wrap=True)
    output(errors=True).print("Keep the secret: it is not told again.")


def show_list(*, as_lines: bool) -> None:
    """Show who is told."""
    with Service("analytics") as analytics:
        raws = analytics.get("/v1/webhooks", Listed).value.items
        found = [analytics.read(raw, Webhook) for raw in raws]
    if as_lines:
        for raw in raws:
            print_json(raw)
        return
    rows = [
        (str(each.webhook_id), _status(each), plain(each.url), " ".join(each.event_types), each.created_at[:10]) for each in found
    ]
    print_rows(output(), _WEBHOOKS, rows)


def _status(each: Webhook) -> str:
    return f"{each.status} ({each.disabled_reason})" if each.disabled_reason else each.status


def change(webhook_id: UUID, told: Mapping[str, Any], *, as_json: bool) -> None:
    """Change what is given."""
    with Service("analytics") as analytics:
        answer = analytics.patch(f"/v1/webhooks/{webhook_id}", Webhook, _named(told))
    if as_json:
        print_json(Raw(answer.raw))
    else:
        output().print(f"{webhook_id} is {_status(answer.value)}.")


def delete(webhook_id: UUID, *, as_json: bool) -> None:
    """Post nothing more there."""
    with Service("analytics") as analytics:
        analytics.delete(f"/v1/webhooks/{webhook_id}")
    if as_json:
        print_json({"webhook_id": str(webhook_id), "deleted": True})
    else:
        output().print(f"{webhook_id} is told nothing more.")


def rotate(webhook_id: UUID, overlap_hours: int, *, as_json: bool) -> None:
    """Give it another secret, told this once."""
    with Service("analytics") as analytics:
        told = _named({"overlap_hours": overlap_hours})
        _tell_secret(analytics.post_again(f"/v1/webhooks/{webhook_id}:rotate", Created, told), as_json=as_json)


def try_out(webhook_id: UUID, *, as_json: bool) -> None:
    """Have something posted there."""
    with Service("analytics") as analytics:
        answer = analytics.post_again(f"/v1/webhooks/{webhook_id}:test", Tried, _named({}))
    if as_json:
        print_json(Raw(answer.raw))
    else:
        output().print(f"A {answer.value.type} is on its way; `recours webhooks deliveries {webhook_id}` shows what becomes of it.")


def replay(webhook_id: UUID, since: datetime, until: datetime | None, *, as_json: bool) -> None:
    """Post again what happened in a time."""
    with Service("analytics") as analytics:
        told = _named({"from_at": _utc(since), "to_at": None if until is None else _utc(until)})
        begun = analytics.post_again(f"/v1/webhooks/{webhook_id}:replay", Replayed, told).value
        path = f"/v1/webhooks/{webhook_id}/replays/{begun.replay_id}"
        while (answer := analytics.get(path, Replayed)).value.finished_at is None:
            time.sleep(_POLL_SECONDS)
    if as_json:
        print_json(Raw(answer.raw))
    else:
        output().print(f"{answer.value.queued:,} are posted again.")


def _utc(at: datetime) -> str:
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).isoformat()


def show_deliveries(webhook_id: UUID, filters: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """Show what was posted, newest first."""
    with Service("analytics") as analytics:
        found = list(list_items(analytics, f"/v1/webhooks/{webhook_id}/deliveries", Delivery, filters, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    print_rows(output(), _DELIVERIES, [_row(each) for each, _ in found])


def _row(each: Delivery) -> tuple[str, ...]:
    created, following = _minute(each.created_at), _minute(each.next_at or "")
    told = (str(each.delivery_id), str(each.sequence), each.type, each.state, f"{each.attempts:,}", created, following)
    return (*told, plain(each.last_outcome or ""))


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def retry(webhook_id: UUID, delivery_id: UUID, *, as_json: bool) -> None:
    """Post something once more."""
    with Service("analytics") as analytics:
        answer = analytics.post_again(f"/v1/webhooks/{webhook_id}/deliveries/{delivery_id}:retry", Delivery, NO_BODY)
    if as_json:
        print_json(Raw(answer.raw))
    else:
        output().print(f"{answer.value.delivery_id} is {answer.value.state}.")
