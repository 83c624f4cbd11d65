"""What no consumer can read, over the real broker: on each topic of each service it becomes a dead letter, and the rest goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.docs.schemas import EVENTS
from deploy.local import provision
from deploy.local.stack import Stack
from libs.common.clock import SystemClock
from libs.common.messaging.consumer import Consumer, Subscription
from libs.common.messaging.relay import Relay
from tests.integration.consumers.conftest import SUBSCRIPTIONS, Service, remit, service
from tests.integration.consumers.test_api import client

MEBIBYTE = 1024 * 1024
POISON: dict[str, dict[str, Any]] = {
    "not_json": {"value": b"{"},
    "not_a_cloudevent": {"headers": {"ce_specversion": None}},
    "unknown_type": {"headers": {"ce_type": "recours.letter.v1"}},
    "violates_contract": {"value": b"{}"},
    "too_large": {"value": b'{"pad":"' + b"x" * 2 * MEBIBYTE + b'"}'},
    "wrong_topic": {"headers": {"ce_type": "another"}},
    "no_key": {"key": None},
    "bad_key": {"key": b"\x00\x01"},
}


@pytest.fixture(params=["classifier", "appeals", "analytics"])
async def each(request: pytest.FixtureRequest, service_database: Any) -> AsyncIterator[Service]:
    async for made in service(request.param, service_database):
        yield made


async def make_topics(bootstrap: str, names: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    configs = {"max.message.bytes": "8388608"}
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs=configs) for name in names])
    await admin.close()


def headers(type_: str, changed: Mapping[str, str | None]) -> list[tuple[str, bytes]]:
    told: dict[str, str | None] = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_source": "recours/elsewhere",
        "ce_type": type_,
        "ce_tenantid": "local",
        "ce_correlationid": "a-file",
        "ce_sequence": "1",
    }
    return [(name, value.encode()) for name, value in {**told, **changed}.items() if value is not None]


@contextlib.asynccontextmanager
async def running(*jobs: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(job()) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read(bootstrap: str, topic: str, count: int) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=8 * MEBIBYTE)
    await consumer.start()
    records: list[Any] = []
    try:
        consumer.assign([TopicPartition(topic, 0)])
        async with asyncio.timeout(60):
            while len(records) < count:
                for part in (await consumer.getmany(timeout_ms=200)).values():
                    records += part
    finally:
        await consumer.stop()
    return records


async def good_data(classifier: Service, topic: str) -> bytes:
    if topic not in ("remit.received", "denial.classified"):
        return next(event.examples()[0].read_bytes() for event in EVENTS if event.name == topic)
    sent = remit()
    return sent.data if topic == "remit.received" else (await classifier.take(sent))[0].data


async def test_poison_on_each_topic_becomes_dead_letters_and_what_follows_is_handled(
    each: Service, classifier: Service, servers: Stack
) -> None:
    """Each topic gets every poison, a newer version, and last a good event that must come through."""
    suffix = uuid4().hex[:6]
    subscriptions = [
        Subscription(f"{known.topic}.{suffix}", known.type, known.schema, known.handle) for known in SUBSCRIPTIONS[each.name]
    ]
    group = f"{each.name}-{suffix}"
    letters = {known.topic: f"{known.topic}.{group}.dlq" for known in subscriptions}
    await provision.make_topics(servers.bootstrap)  # what the handlers themselves send to
    await make_topics(servers.bootstrap, [*letters, *letters.values()])
    others = {known.type for known in subscriptions}
    producer = AIOKafkaProducer(bootstrap_servers=servers.bootstrap, max_request_size=8 * MEBIBYTE)
    await producer.start()
    expected: dict[str, list[str]] = {}
    for known in subscriptions:
        good = await good_data(classifier, known.topic.removesuffix(f".{suffix}"))
        for reason, changed in POISON.items():
            told = dict(changed.get("headers", {}))
            if reason == "wrong_topic":
                elsewhere = others - {known.type}
                if not elsewhere:
                    continue
                told = {"ce_type": elsewhere.pop()}
            expected.setdefault(known.topic, []).append(reason)
            value, key = changed.get("value", good), changed.get("key", b"a-key")
            await producer.send_and_wait(known.topic, value, key=key, headers=headers(known.type, told))
        newer = {"ce_type": known.type.removesuffix("1") + "2"}
        await producer.send_and_wait(known.topic, good, key=b"a-key", headers=headers(known.type, newer))
        await producer.send_and_wait(known.topic, good, key=b"a-key", headers=headers(known.type, {}))
    await producer.stop()
    consumer = Consumer(group, subscriptions, each.worker, bootstrap=servers.bootstrap, clock=SystemClock())
    relay = Relay(each.worker, bootstrap=servers.bootstrap, source=f"recours/{each.name}")
    async with running(consumer.run, relay.run):
        for known in subscriptions:
            found = await read(servers.bootstrap, letters[known.topic], len(expected[known.topic]))
            reasons = [dict(record.headers)["ce_reason"].decode() for record in found]
            assert reasons == expected[known.topic]
            held = [msgspec.json.decode(record.value) for record in found]
            assert [letter["offset"] for letter in held] == list(range(len(found)))
        await _handled(each, len(subscriptions))
        topic = subscriptions[0].topic
        async with client(each) as asking:
            listed = (await asking.get("/v1/dead-letters", params={"limit": 200})).json()["items"]
            (wanted,) = (item for item in listed if (item["topic"], item["reason"]) == (topic, "too_large"))
            answer = await asking.post(f"/v1/dead-letters/{wanted['dead_letter_id']}/replay")
        assert answer.status_code == 202, answer.text
        (*_, again) = await read(servers.bootstrap, topic, len(expected[topic]) + 3)  # after the newer version and the good one
        assert (again.value, again.key) == (POISON["too_large"]["value"], b"a-key")
        (*_, letter) = await read(servers.bootstrap, letters[topic], len(expected[topic]) + 1)
        assert dict(letter.headers)["ce_reason"] == b"too_large", "as bad as before, it is a new dead letter"


async def _handled(each: Service, events: int) -> None:
    """Wait until the good events are in the inbox."""
    async with asyncio.timeout(60):
        while True:
            rows = await each.rows("SELECT 1 FROM inbox WHERE source = 'recours/elsewhere'")
            if len(rows) == events:
                return
            await asyncio.sleep(0.1)
