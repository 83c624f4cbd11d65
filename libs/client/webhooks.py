"""`recours webhooks`: who is told by signed posts, and what became of each."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from msgspec import Raw, Struct

from libs.client.services import list_items
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import NO_BODY, Service, json_body

_WEBHOOKS: Final = (Column("webhook", width=36), Column("address", min_width=20), Column("since", width=10))
_DELIVERIES: Final = (
    Column("delivery", width=36),
    Column("state", width=9),
    Column("attempts", "right"),
    Column("created", width=16),
    Column("next", width=16),
    Column("outcome", min_width=10),
)


class Webhook(Struct, frozen=True):
    webhook_id: UUID
    url: str
    created_at: str


class Created(Webhook, frozen=True):
    secret: str


class Listed(Struct, frozen=True):
    items: list[Raw]


class Delivery(Struct, frozen=True):
    delivery_id: UUID
    state: str
    attempts: int
    next_at: str | None
    created_at: str
    last_outcome: str | None


def add(url: str, *, as_json: bool) -> None:
    """Subscribe an address; its secret is told this once."""
    with Service("analytics") as analytics:
        answer = analytics.post_again("/v1/webhooks", Created, json_body({"url": url}, {"Idempotency-Key": str(uuid4())}))
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
    print_rows(output(), _WEBHOOKS, [(str(each.webhook_id), plain(each.url), each.created_at[:10]) for each in found])


def remove(webhook_id: UUID, *, as_json: bool) -> None:
    """Post nothing more there."""
    with Service("analytics") as analytics:
        analytics.delete(f"/v1/webhooks/{webhook_id}")
    if as_json:
        print_json({"webhook_id": str(webhook_id), "removed": True})
    else:
        output().print(f"{webhook_id} is told nothing more.")


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
    return (str(each.delivery_id), each.state, f"{each.attempts:,}", created, following, plain(each.last_outcome or ""))


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def retry(webhook_id: UUID, delivery_id: UUID, *, as_json: bool) -> None:
    """Post something once more."""
    with Service("analytics") as analytics:
        answer = analytics.post_again(f"/v1/webhooks/{webhook_id}/deliveries/{delivery_id}:retry", Delivery, NO_BODY)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
    else:
        output().print(f"{answer.value.delivery_id} is {answer.value.state}.")
