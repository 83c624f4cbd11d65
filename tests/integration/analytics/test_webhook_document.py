"""What the OpenAPI document says of webhooks is what is posted: each event type once, as it came to be, against its schema."""

import json
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

from jsonschema import Draft202012Validator

from deploy.local.layout import ROOT
from libs.common.clock import FixedClock, SystemClock
from libs.common.contracts.envelope import Received
from services.analytics.alerts import telling
from services.analytics.alerts.lifecycle import Step
from services.analytics.webhooks import messages
from services.analytics.webhooks.described import TOPICS
from services.analytics.webhooks.rules import TEST, EventType
from services.analytics.webhooks.sending import WebhookSender
from tests.integration.analytics.conftest import NOW, Analytics
from tests.integration.analytics.test_reports import add, make_all
from tests.integration.analytics.test_webhooks import tell
from tests.support.webhooks import Hook, queue_all

EXAMPLES = ROOT / "docs" / "events" / "examples"


def examples(topic: str) -> list[Path]:
    return sorted((EXAMPLES / topic / "1").glob("*.json"))


async def happen(analytics: Analytics) -> None:
    """Let all happen that is told: events come in, an alert lives, a report is made."""
    received: list[Received[Any]] = [
        Received(uuid4(), "test", f"recours.{topic}.v1", "key", analytics.tenant, 1, "", None, None, path.read_bytes())
        for topic in TOPICS
        for path in examples(topic)
    ]
    async with analytics.worker.begin() as tx:
        await messages.keep_events(tx, received)
    alert = await tell(analytics)
    async with analytics.worker.begin() as tx:
        await telling.write(tx, [Step(what, "ann", NOW, alert) for what in ("acknowledged", "resolved")])
    await add(analytics, "one")
    await make_all(analytics, 7)


async def send(analytics: Analytics) -> None:
    await queue_all(analytics.worker, SystemClock())
    sender = WebhookSender(analytics.worker, FixedClock(SystemClock().now()), loopback=True)
    while await sender.send_some():
        pass


async def test_each_type_is_posted_as_the_document_says(analytics: Analytics) -> None:
    analytics.http = analytics.client(webhook_loopback=True)
    document = (await analytics.http.get("/openapi.json")).json()
    assert list(document["webhooks"]) == [*get_args(EventType), TEST]
    async with Hook() as hook, Hook() as gone:
        gone.status = 410
        made = [
            (
                await analytics.http.post(
                    "/v1/webhooks",
                    json={"url": url, "event_types": types},
                    headers={"Idempotency-Key": url},
                )
            ).json()
            for url, types in ((hook.url, get_args(EventType)), (gone.url, ["alert.opened"]))
        ]
        await happen(analytics)
        tried = f"/v1/webhooks/{made[0]['webhook_id']}:test"
        assert (await analytics.http.post(tried, headers={"Idempotency-Key": "t"})).status_code == 202
        await send(analytics)
        await send(analytics)  # what the first told
        posted = [(headers, json.loads(body)) for headers, body in hook.received]
    assert {body["type"] for _, body in posted} == set(document["webhooks"])
    for headers, body in posted:
        described = document["webhooks"][body["type"]]["post"]
        schema = described["requestBody"]["content"]["application/json"]["schema"]
        validator = Draft202012Validator({**schema, "components": document["components"]})
        assert [(body["type"], error.message) for error in validator.iter_errors(body)] == []
        assert all(each["name"] in headers for each in described["parameters"])
        wrong = [{**body, "type": "another"}, {**body, "data": {}}, {name: body[name] for name in body if name != "sequence"}]
        assert not any(validator.is_valid(each) for each in wrong), "a schema that takes everything says nothing"
