"""Webhooks on a real database, to a receiver on this machine: signed, once, again until taken, given up with a reason."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import pytest

from libs.common.clock import FixedClock
from libs.common.ids import uuid7
from services.analytics.alerts import telling
from services.analytics.alerts.lifecycle import Alert, Step
from services.analytics.webhooks import queue
from services.analytics.webhooks.rules import ATTEMPTS_MAX, WAITS, Share
from services.analytics.webhooks.sending import LEASE, WebhookSender
from tests.integration.analytics.conftest import NOW, Analytics
from tests.support.webhooks import queue_all


class Receiver:
    """Somebody else's address."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


async def subscribe(analytics: Analytics, url: str, key: str = "k1") -> dict[str, Any]:
    async with analytics.client(webhook_loopback=True) as http:
        answer = await http.post("/v1/webhooks", json={"url": url}, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def tell(analytics: Analytics) -> Alert:
    """Let an alert open."""
    on = date(2026, 3, 2)
    alert = Alert(
        tenant_id=analytics.tenant, alert_id=uuid7(), payer_id=str(uuid7()), category="authorization", began_on=on, signalled_on=on,
        last_on=on, usual_rate=0.1, claims=100, denied=30, expected_milli=10_000, refused_cents=300_000, opened_at=NOW,
    )  # fmt: skip
    async with analytics.worker.begin() as tx:
        await telling.write(tx, [Step("opened", "recours", NOW, alert)])
    return alert


async def send(analytics: Analytics, now: datetime = NOW) -> int:
    await queue_all(analytics.worker, FixedClock(now))
    return await WebhookSender(analytics.worker, FixedClock(now), loopback=True).send_some()


async def deliveries(analytics: Analytics, webhook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = await analytics.http.get(f"/v1/webhooks/{webhook['webhook_id']}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_step_is_posted_once_signed_with_the_secret_that_was_told_once(analytics: Analytics, receiver: Receiver) -> None:
    webhook = await subscribe(analytics, receiver.url)
    assert (await subscribe(analytics, receiver.url)) == webhook
    alert = await tell(analytics)
    assert (await send(analytics), await send(analytics)) == (1, 0)
    ((headers, body),) = receiver.received
    told = json.loads(body)
    assert (told["type"], told["data"]["alert"]["alert_id"]) == ("alert.opened", str(alert.alert_id))
    secret = base64.b64decode(webhook["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    (delivery,) = await deliveries(analytics, webhook)
    assert (delivery["delivery_id"], delivery["state"]) == (headers["webhook-id"], "delivered")
    shown = await analytics.http.get(f"/v1/webhooks/{webhook['webhook_id']}")
    assert "secret" not in shown.json()


async def test_what_is_not_taken_is_posted_again_under_its_name_until_it_is_given_up(
    analytics: Analytics, receiver: Receiver
) -> None:
    webhook = await subscribe(analytics, receiver.url)
    await tell(analytics)
    receiver.status, now = 500, NOW
    for wait in (*WAITS, timedelta(days=1)):
        assert await send(analytics, now) == 1
        assert await send(analytics, now) == 0
        now += wait
    assert await send(analytics, now) == 0
    (dead,) = await deliveries(analytics, webhook, state="dead")
    assert (dead["attempts"], dead["last_outcome"], dead["next_at"]) == (ATTEMPTS_MAX, "receiver_away_500", None)
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    receiver.status = 200
    path = f"/v1/webhooks/{webhook['webhook_id']}/deliveries/{dead['delivery_id']}:retry"
    assert (await analytics.http.post(path)).status_code == 202
    assert await send(analytics, now) == 1
    assert [each["state"] for each in await deliveries(analytics, webhook)] == ["delivered"]


async def test_a_sender_that_was_killed_is_followed_by_another_and_writes_nothing_late(
    analytics: Analytics, receiver: Receiver
) -> None:
    webhook = await subscribe(analytics, receiver.url)
    await tell(analytics)
    await queue_all(analytics.worker, FixedClock(NOW))
    async with analytics.worker.begin() as tx:
        mine = (analytics.tenant, UUID(webhook["webhook_id"]))
        (lost,) = await queue.lease(tx, {mine: Share(8, 8)}, NOW, NOW + LEASE)
    assert await send(analytics) == 0
    later = NOW + LEASE
    assert await send(analytics, later) == 1
    async with analytics.worker.begin() as tx:
        await queue.end(tx, [queue.Ended(lost, "dead", later, later, "late")])
    assert [each["state"] for each in await deliveries(analytics, webhook)] == ["delivered"]


async def test_no_private_address_is_posted_to_whatever_its_name_was_when_it_subscribed(
    analytics: Analytics, receiver: Receiver
) -> None:
    webhook = await subscribe(analytics, f"http://localhost:{receiver.server.server_port}/")
    await tell(analytics)
    await queue_all(analytics.worker, FixedClock(NOW))
    await WebhookSender(analytics.worker, FixedClock(NOW), loopback=False).send_some()
    (delivery,) = await deliveries(analytics, webhook)
    assert (delivery["state"], delivery["last_outcome"]) == ("waiting", "private_address")
    assert receiver.received == []


async def test_bad_subscriptions_are_refused_and_deleted_ones_are_told_nothing(analytics: Analytics, receiver: Receiver) -> None:
    nameless = await analytics.http.post("/v1/webhooks", json={"url": "https://hooks.example/"})
    assert nameless.status_code == 400
    refused = await analytics.http.post("/v1/webhooks", json={"url": receiver.url}, headers={"Idempotency-Key": "k"})
    assert (refused.status_code, refused.json()["reason"]) == (422, "not-https")
    assert receiver.url not in refused.text
    webhook = await subscribe(analytics, receiver.url)
    await tell(analytics)
    assert (await analytics.http.delete(f"/v1/webhooks/{webhook['webhook_id']}")).status_code == 204
    assert (await analytics.http.get("/v1/webhooks")).json() == {"items": []}
    assert await send(analytics) == 0
    assert receiver.received == []
