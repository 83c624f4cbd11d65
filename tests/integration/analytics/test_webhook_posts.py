"""What happens reaches those that subscribed: all of it, in an order that can be restored, whoever fails, is slow or is killed."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from libs.common.clock import Clock, FixedClock, SystemClock
from libs.common.contracts.envelope import Received
from libs.common.database import driver
from libs.common.sealing.cipher import key_of
from libs.common.sealing.command import turn
from libs.common.sealing.keys import forget
from libs.common.sealing.rewriting import Rewriter, columns
from services.analytics.seals import PLACES, SECRET
from services.analytics.webhooks import messages, queue
from services.analytics.webhooks.rules import DISABLED_AFTER, Share
from services.analytics.webhooks.sending import LEASE, WebhookSender
from tests.integration.analytics.conftest import NOW, Analytics
from tests.support import until
from tests.support.access import bearer
from tests.support.webhooks import Hook, queue_all

DENIAL, CLAIM = "recours.denial.classified.v1", "recours.claim.submitted.v1"


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with Hook() as made:
        yield made


@pytest.fixture(autouse=True)
async def _alone(analytics: Analytics) -> None:
    """Leave nothing of the tests before to be posted, and let receivers be on this machine."""
    analytics.http = analytics.client(webhook_loopback=True)
    async with analytics.worker.begin() as tx:
        await (await driver(tx)).execute("DELETE FROM webhooks")


async def subscribe(analytics: Analytics, url: str, *types: str, tenant: str | None = None) -> dict[str, Any]:
    headers = {"Idempotency-Key": uuid4().hex, **(bearer(tenant) if tenant else {})}
    told = {"url": url, "event_types": types or ["denial.classified"]}
    answer = await analytics.http.post("/v1/webhooks", json=told, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def event(tenant: str, number: int, type_: str = DENIAL) -> Received[Any]:
    return Received(uuid4(), "test", type_, "key", tenant, 1, "", None, None, b'{"number":%d}' % number)


async def happen(
    analytics: Analytics, *numbers: int, type_: str = DENIAL, tenant: str | None = None, clock: Clock | None = None
) -> None:
    """Let a batch of events come in, as the consumer does, and be queued."""
    async with analytics.worker.begin() as tx:
        await messages.keep_events(tx, [event(tenant or analytics.tenant, number, type_) for number in numbers])
    await queue_all(analytics.worker, clock or SystemClock())


async def send_all(analytics: Analytics, clock: Clock | None = None) -> int:
    sender, sent = WebhookSender(analytics.worker, clock or SystemClock(), loopback=True), 0
    while some := await sender.send_some():
        sent += some
    return sent


def numbers(hook: Hook) -> list[int]:
    return [json.loads(body)["data"]["number"] for _, body in hook.received]


async def shown(analytics: Analytics, webhook: Mapping[str, Any]) -> dict[str, Any]:
    return dict((await analytics.http.get(f"/v1/webhooks/{webhook['webhook_id']}")).json())


async def log_of(analytics: Analytics, webhook: Mapping[str, Any], **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        answer = await analytics.http.get(f"/v1/webhooks/{webhook['webhook_id']}/deliveries", params={"limit": 200, **query})
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if (cursor := answer.json()["next_cursor"]) is None:
            return items
        query["cursor"] = cursor


async def test_events_are_told_as_they_came_and_numbered_so_that_their_order_can_be_restored(
    analytics: Analytics, hook: Hook
) -> None:
    async with Hook() as other, Hook() as strange:
        webhook = await subscribe(analytics, hook.url, "denial.classified")
        await subscribe(analytics, other.url, "denial.classified", "claim.submitted")
        await subscribe(analytics, strange.url, "denial.classified", tenant=f"{analytics.tenant[:40]}-2")
        await happen(analytics, 1, 2)
        await happen(analytics, 3, type_=CLAIM)
        await happen(analytics, *range(4, 30))
        assert await send_all(analytics) == 28 + 29
        assert strange.received == []
    verifier = Webhook(webhook["secret"])
    told = sorted((verifier.verify(body, headers) for headers, body in hook.received), key=lambda each: each["sequence"])
    assert [each["data"]["number"] for each in told] == [1, 2, *range(4, 30)]
    assert [each["previous"] for each in told] == [None, *(each["sequence"] for each in told[:-1])]
    both = sorted((json.loads(body) for _, body in other.received), key=lambda each: each["sequence"])
    assert [each["data"]["number"] for each in both] == list(range(1, 30))
    assert {each["sequence"]: each["data"] for each in both}.items() >= {each["sequence"]: each["data"] for each in told}.items()


async def test_while_a_secret_is_replaced_posts_bear_both_signatures(analytics: Analytics, hook: Hook) -> None:
    old = await subscribe(analytics, hook.url)
    path, key = f"/v1/webhooks/{old['webhook_id']}:rotate", {"Idempotency-Key": "r"}
    new = (await analytics.http.post(path, json={"overlap_hours": 1}, headers=key)).json()
    assert (await analytics.http.post(path, json={"overlap_hours": 1}, headers=key)).json() == new
    assert new["secret"] != old["secret"]
    assert "secret" not in await shown(analytics, old)
    for number, minutes in ((1, 59), (2, 61)):
        later = FixedClock(NOW + timedelta(minutes=minutes))
        await happen(analytics, number, clock=later)
        await send_all(analytics, later)
    assert [len(headers["webhook-signature"].split()) for headers, _ in hook.received] == [2, 1]
    assert (await analytics.http.post(path, json={}, headers={"Idempotency-Key": "r2"})).status_code == 201
    gone = await analytics.http.post(path, json={"overlap_hours": 1}, headers=key)
    assert (gone.status_code, gone.json()["type"]) == (409, "urn:recours:problem:secret-replaced")


async def test_either_secret_verifies_in_the_official_library_and_none_after_a_change(analytics: Analytics, hook: Hook) -> None:
    old = await subscribe(analytics, hook.url)
    moment = datetime.now(UTC)
    async with analytics.client(clock=FixedClock(moment)) as http:
        path = f"/v1/webhooks/{old['webhook_id']}:rotate"
        new = (await http.post(path, json={}, headers={"Idempotency-Key": "r"})).json()
    await happen(analytics, 1)
    await send_all(analytics)
    ((headers, body),) = hook.received
    for secret in (old["secret"], new["secret"]):
        assert Webhook(secret).verify(body, headers)["type"] == "denial.classified"
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body + b" ", headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers | {"webhook-timestamp": str(int(moment.timestamp()) - 400)})


async def kept_secrets(analytics: Analytics) -> list[bytes]:
    async with analytics.worker.begin(analytics.tenant) as tx:
        (row,) = await (await driver(tx)).fetch("SELECT secret, old_secret FROM webhooks WHERE tenant_id = $1", analytics.tenant)
        return list(row)


async def seal_anew(analytics: Analytics) -> None:
    async with analytics.worker.begin() as tx:
        await (await driver(tx)).execute("UPDATE key_rewrites SET begins_at = now()")
    forget(analytics.worker)
    forget(analytics.api)
    while await Rewriter(analytics.worker, columns(PLACES)).do_next():
        pass


async def test_secrets_are_sealed_at_rest_and_sign_the_same_under_another_key(analytics: Analytics, hook: Hook) -> None:
    old = await subscribe(analytics, hook.url)
    path = f"/v1/webhooks/{old['webhook_id']}:rotate"
    async with analytics.client(clock=SystemClock()) as http:
        new = (await http.post(path, json={}, headers={"Idempotency-Key": "r"})).json()
    plain = [base64.b64decode(each["secret"].removeprefix("whsec_")) for each in (new, old)]
    before = await kept_secrets(analytics)
    assert [(key_of(cell), secret in cell) for cell, secret in zip(before, plain, strict=True)] == [(1, False)] * 2
    await turn(analytics.worker, analytics.tenant, [place.name for place in PLACES])
    await seal_anew(analytics)
    assert [key_of(cell) for cell in await kept_secrets(analytics)] == [2, 2]
    await happen(analytics, 1)
    assert await send_all(analytics) == 1
    ((headers, body),) = hook.received
    for each in (old, new):
        assert Webhook(each["secret"]).verify(body, headers)
    async with analytics.client(clock=SystemClock(), webhook_loopback=True) as http:
        assert (await http.post(path, json={}, headers={"Idempotency-Key": "r"})).json()["secret"] == new["secret"]


async def test_a_secret_from_before_signs_while_it_is_sealed_and_one_that_was_changed_signs_nothing(
    analytics: Analytics, hook: Hook
) -> None:
    webhook = await subscribe(analytics, hook.url)
    clear = base64.b64decode(webhook["secret"].removeprefix("whsec_"))
    async with analytics.worker.begin() as tx:
        connection = await driver(tx)
        await connection.execute("UPDATE webhooks SET secret = $1", clear)
        await connection.execute(
            "INSERT INTO key_rewrites (tenant_id, key_id, place, begins_at) VALUES ($1, 1, $2, now())",
            analytics.tenant,
            SECRET.name,
        )
    forget(analytics.worker)
    await happen(analytics, 1)
    await send_all(analytics)
    await seal_anew(analytics)
    sealed, _ = await kept_secrets(analytics)
    assert (key_of(sealed), clear in sealed) == (1, False)
    await happen(analytics, 2)
    await send_all(analytics)
    assert [Webhook(webhook["secret"]).verify(body, headers)["data"]["number"] for headers, body in hook.received] == [1, 2]
    async with analytics.worker.begin() as tx:
        await (await driver(tx)).execute("UPDATE webhooks SET secret = $1", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    await happen(analytics, 3)
    await send_all(analytics)
    assert (len(hook.received), (await log_of(analytics, webhook))[0]["last_outcome"]) == (2, "secret_changed_or_moved")


async def test_what_happened_in_a_time_is_posted_again_under_its_ids(analytics: Analytics, hook: Hook) -> None:
    webhook = await subscribe(analytics, hook.url)
    began = datetime.now(UTC)
    await happen(analytics, *range(5))
    await send_all(analytics)
    async with Hook() as late:
        other = await subscribe(analytics, late.url)
        for each in (webhook, other):
            path, told = (
                f"/v1/webhooks/{each['webhook_id']}:replay",
                {"from_at": began.isoformat(), "to_at": "2027-01-01T00:00:00Z"},
            )
            answer = await analytics.http.post(path, json=told, headers={"Idempotency-Key": uuid4().hex})
            assert (answer.status_code, answer.json()["finished_at"]) == (202, None)
        await queue_all(analytics.worker, SystemClock())
        progress = (await analytics.http.get(answer.headers["Location"])).json()
        assert (progress["queued"], progress["finished_at"] is not None) == (5, True)
        assert await send_all(analytics) == 10
        assert sorted(numbers(late)) == list(range(5))
    ids = [headers["webhook-id"] for headers, _ in hook.received]
    assert (len(ids), len(set(ids))) == (10, 5)
    empty = {"from_at": "2020-01-01T00:00:00Z", "to_at": "2020-01-01T00:00:00Z"}
    refused = await analytics.http.post(path, json=empty, headers={"Idempotency-Key": "e"})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:recours:problem:bad-period")


async def test_a_receiver_that_fails_a_thousand_posts_gets_few_attempts_and_all_of_them_when_it_is_well(
    analytics: Analytics, hook: Hook
) -> None:
    async with Hook() as well:
        failing = await subscribe(analytics, hook.url)
        await subscribe(analytics, well.url, "claim.submitted")
        await happen(analytics, *range(1_000))
        await happen(analytics, *range(100), type_=CLAIM)
        hook.status, now = 503, datetime.now(UTC)
        for minutes in range(0, 60, 10):
            await send_all(analytics, FixedClock(now + timedelta(minutes=minutes)))
        assert sorted(numbers(well)) == list(range(100))
    assert len(hook.received) < 30
    state = await shown(analytics, failing)
    assert (state["status"], state["failures"] >= 10, state["disabled_at"]) == ("failing", True, None)
    hook.status = 204
    hook.received.clear()
    later = FixedClock(now + timedelta(hours=9))
    await send_all(analytics, later)
    assert sorted(numbers(hook)) == list(range(1_000))
    assert (await shown(analytics, failing))["status"] == "active"
    log = await log_of(analytics, failing)
    assert ({each["state"] for each in log}, len(log)) == ({"delivered"}, 1_000)
    assert {each["outcome"] for entry in log for each in entry["tried"]} == {"receiver_away_503", "HTTP 204"}
    assert all(entry["attempts"] == len(entry["tried"]) for entry in log)


async def test_one_that_fails_for_days_is_disabled_with_word_to_the_others_and_goes_on_when_enabled(
    analytics: Analytics, hook: Hook
) -> None:
    async with Hook() as warned:
        failing = await subscribe(analytics, hook.url)
        await subscribe(analytics, warned.url, "webhook.disabled")
        await happen(analytics, 1)
        hook.status, now = 500, datetime.now(UTC)
        await send_all(analytics, FixedClock(now))
        later = FixedClock(now + DISABLED_AFTER + timedelta(minutes=1))
        await send_all(analytics, later)
        state = await shown(analytics, failing)
        assert (state["status"], state["disabled_reason"]) == ("disabled", "failing")
        await happen(analytics, 2, clock=later)
        hook.status = 200
        assert await send_all(analytics, later) == 1
        ((_, body),) = warned.received
        assert json.loads(body)["data"]["webhook_id"] == failing["webhook_id"]
    assert (await analytics.http.patch(f"/v1/webhooks/{failing['webhook_id']}", json={"enabled": True})).json()[
        "status"
    ] == "active"
    hook.received.clear()
    await send_all(analytics, FixedClock(now + timedelta(days=6)))
    assert numbers(hook) == [1]


async def test_one_that_is_gone_is_disabled_at_once_and_one_that_was_stopped_is_told_nothing(
    analytics: Analytics, hook: Hook
) -> None:
    webhook = await subscribe(analytics, hook.url)
    path = f"/v1/webhooks/{webhook['webhook_id']}"
    await happen(analytics, 1)
    hook.status = 410
    await send_all(analytics)
    assert (await shown(analytics, webhook))["disabled_reason"] == "gone"
    refused = await analytics.http.post(f"{path}:test", headers={"Idempotency-Key": "t"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:recours:problem:webhook-disabled")
    await analytics.http.patch(path, json={"enabled": True})
    assert (await analytics.http.patch(path, json={"enabled": False})).json()["disabled_reason"] == "by_person"
    await happen(analytics, 2)
    assert await send_all(analytics) == 0


async def test_a_test_goes_to_one_webhook_whatever_it_subscribed_to(analytics: Analytics, hook: Hook) -> None:
    async with Hook() as other:
        webhook = await subscribe(analytics, hook.url, "report.made")
        await subscribe(analytics, other.url)
        path = f"/v1/webhooks/{webhook['webhook_id']}:test"
        assert (await analytics.http.post(path)).status_code == 400
        for _ in range(2):
            answer = await analytics.http.post(path, headers={"Idempotency-Key": "t"})
            assert (answer.status_code, answer.json()["type"]) == (202, "webhook.test")
        await queue_all(analytics.worker, FixedClock(NOW))
        await send_all(analytics)
        assert (len(hook.received), len(other.received)) == (1, 0)


async def test_two_workers_post_each_once(analytics: Analytics, hook: Hook) -> None:
    await subscribe(analytics, hook.url)
    await happen(analytics, *range(300))
    assert sum(await asyncio.gather(send_all(analytics), send_all(analytics))) == 300
    assert sorted(numbers(hook)) == list(range(300))


async def test_receivers_that_never_answer_hold_up_nobody(analytics: Analytics, hook: Hook) -> None:
    async with Hook() as silent:
        silent.answers = False
        for _ in range(30):
            await subscribe(analytics, silent.url)
        await subscribe(analytics, hook.url, tenant=f"{analytics.tenant[:40]}-2")
        await happen(analytics, *range(20))
        await happen(analytics, *range(100, 200), tenant=f"{analytics.tenant[:40]}-2")
        sending = asyncio.create_task(WebhookSender(analytics.worker, SystemClock(), loopback=True).run())
        try:
            await until(lambda: len(hook.received) == 100, seconds=60)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        assert 0 < len(silent.received) <= 64  # as many as one tenant may have in flight, and not one answered
        assert sorted(numbers(hook)) == list(range(100, 200))


_WORKER = """
import asyncio, sys
from libs.common.clock import SystemClock
from libs.common.database import Database
from services.analytics.webhooks.sending import WebhookSender
asyncio.run(WebhookSender(Database(sys.argv[1]), SystemClock(), loopback=True).run())
"""


async def test_a_worker_that_is_killed_while_it_posts_is_followed_by_another_under_the_same_id(
    analytics: Analytics, hook: Hook
) -> None:
    webhook = await subscribe(analytics, hook.url)
    await happen(analytics, 1)
    hook.answers = False
    url = analytics.worker.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", _WORKER, url)
    await until(lambda: bool(hook.received), seconds=60)
    worker.kill()
    await worker.wait()
    hook.answers = True
    assert await send_all(analytics) == 0
    assert await send_all(analytics, FixedClock(datetime.now(UTC) + LEASE)) == 1
    assert len({headers["webhook-id"] for headers, _ in hook.received}) == 1
    (entry,) = await log_of(analytics, webhook)
    assert (entry["state"], entry["attempts"]) == ("delivered", 1)


async def test_what_is_deleted_while_it_is_posted_leaves_nothing_that_waits(analytics: Analytics, hook: Hook) -> None:
    webhook = await subscribe(analytics, hook.url)
    await happen(analytics, 1, 2)
    now = datetime.now(UTC)
    async with analytics.worker.begin() as tx:
        leased = await queue.lease(tx, {(analytics.tenant, UUID(webhook["webhook_id"])): Share(8, 8)}, now, now + LEASE)
    assert (await analytics.http.delete(f"/v1/webhooks/{webhook['webhook_id']}")).status_code == 204
    async with analytics.worker.begin() as tx:
        await queue.end(tx, [queue.Ended(each, "waiting", now, None) for each in leased])
        assert not [each for each in await queue.waiting(tx, now + timedelta(days=9)) if each.tenant_id == analytics.tenant]
    assert await send_all(analytics, FixedClock(now + timedelta(days=9))) == 0
    assert hook.received == []


async def test_what_is_old_is_forgotten_with_its_deliveries(analytics: Analytics, hook: Hook) -> None:
    webhook = await subscribe(analytics, hook.url)
    await happen(analytics, 1)
    await send_all(analytics)
    for age, left in ((timedelta(hours=1), 1), (timedelta(0), 0)):
        async with analytics.worker.begin() as tx:
            assert await queue.forget(tx, analytics.tenant, datetime.now(UTC) - age, 10) == 1 - left
        assert len(await log_of(analytics, webhook)) == left


async def test_webhooks_of_others_are_not_there_and_nobody_is_told_what_he_may_not_read(analytics: Analytics, hook: Hook) -> None:
    webhook = await subscribe(analytics, hook.url)
    path, key = f"/v1/webhooks/{webhook['webhook_id']}", {"Idempotency-Key": uuid4().hex}
    stranger = {**bearer("somebody-else"), **key}
    period = {"from_at": "2020-01-01T00:00:00Z"}
    answers = [
        await analytics.http.get(path, headers=stranger),
        await analytics.http.patch(path, json={"enabled": False}, headers=stranger),
        await analytics.http.get(f"{path}/deliveries", headers=stranger),
        await analytics.http.post(f"{path}:rotate", json={}, headers=stranger),
        await analytics.http.post(f"{path}:test", headers=bearer("somebody-else") | {"Idempotency-Key": "t"}),
        await analytics.http.post(f"{path}:replay", json=period, headers=bearer("somebody-else") | {"Idempotency-Key": "p"}),
        await analytics.http.delete(path, headers=stranger),
    ]
    assert [each.status_code for each in answers] == [404] * 7
    narrow = bearer(analytics.tenant, scope="webhooks:write webhooks:read claims:read")
    body = {"url": "https://hooks.example/", "event_types": ["claim.submitted", "denial.classified"]}
    refused = await analytics.http.post("/v1/webhooks", json=body, headers=narrow | {"Idempotency-Key": "n"})
    assert (refused.status_code, refused.json()["scope"]) == (403, "denials:read")
    widened = await analytics.http.patch(path, json={"event_types": ["denial.classified"]}, headers=narrow)
    assert widened.status_code == 403
