"""`recours listen` against a served analytics and a worker that posts: what is told is printed, verified, each once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args
from uuid import uuid4

import httpx
import pytest

from libs.client.listening import ALL, Inbox
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.standard_webhooks import signatures
from services.analytics.webhooks.fanning import FanOut
from services.analytics.webhooks.rules import EventType
from services.analytics.webhooks.sending import WebhookSender
from tests.integration.client.conftest import working
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase, eventually
from tests.support.access import bearer

SECRET = b"a secret of thirty-two bytes ..."


async def work(database: Database) -> None:
    await WebhookSender(database, SystemClock(), loopback=True).run()


async def fan_out(database: Database) -> None:
    await FanOut(database, SystemClock()).run()


def test_what_is_told_is_printed_and_the_subscription_ends_with_the_listener(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    made = service_database("analytics")
    with (
        served("analytics", made, webhook_loopback=True) as url,
        working(made.worker_url, work),
        working(made.worker_url, fan_out),
    ):
        listening = subprocess.Popen(
            [sys.executable, "-m", "libs.client.cli", "listen", "--json"],
            env={**os.environ, "RECOURS_ANALYTICS_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        http = httpx.Client(base_url=url, headers=bearer("local"))
        eventually(lambda: bool(http.get("/v1/webhooks").json()["items"]))
        (webhook,) = http.get("/v1/webhooks").json()["items"]
        http.post(f"/v1/webhooks/{webhook['webhook_id']}:test", headers={"Idempotency-Key": uuid4().hex})
        assert listening.stdout is not None
        told = json.loads(listening.stdout.readline())
        assert (told["type"], told["data"]) == ("webhook.test", {"webhook_id": webhook["webhook_id"]})
        listening.send_signal(signal.SIGINT)
        assert listening.wait(60) == 0
        assert http.get("/v1/webhooks").json()["items"] == []


def test_a_post_that_is_sent_again_is_printed_once_and_one_that_is_changed_never(capsys: pytest.CaptureFixture[str]) -> None:
    inbox, body = Inbox(SECRET, as_lines=True), b'{"type":"webhook.test","timestamp":"2026-03-31T12:00:00Z","sequence":1,"data":{}}'
    moment = str(int(datetime.now(UTC).timestamp()))
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": moment, "webhook-signature": signatures([SECRET], "msg_1", moment, [body]),
    }  # fmt: skip
    old = str(int(moment) - 400)
    kept = headers | {"webhook-timestamp": old, "webhook-signature": signatures([SECRET], "msg_1", old, [body])}
    answers = [inbox.take(headers, body), inbox.take(headers, body), inbox.take(headers, body + b" "), inbox.take(kept, body)]
    assert [int(each) for each in answers] == [204, 204, 401, 401]
    printed = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["webhook-id"] for line in printed] == ["msg_1"]


def test_without_types_all_that_there_are_is_listened_to() -> None:
    assert set(ALL) == set(get_args(EventType))
