"""A producer may be a version ahead: every group reads every topic's events with what nobody knows yet, over the real broker.

On each topic lie an event with unknown fields at every level and an unknown header, and a later version of its type beside it.
"""

import asyncio
from typing import Any
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaProducer

from deploy.local import provision
from deploy.local.stack import Stack
from libs.common.clock import SystemClock
from libs.common.messaging.consumer import Consumer, Subscription
from tests.integration.consumers.conftest import SUBSCRIPTIONS, Service
from tests.integration.consumers.test_poison import each, good_data, headers, make_topics, running
from tests.support import eventually

__all__ = ["each"]
ADDED = {"added_later": {"to": ["v1"]}}


def later(value: Any) -> Any:
    """Return what a later version says: fields that nobody knows, in each object that is there."""
    if isinstance(value, dict):
        return {**{name: later(inner) for name, inner in value.items()}, **ADDED}
    return [later(inner) for inner in value] if isinstance(value, list) else value


def with_maps_as_they_are(value: Any, original: Any) -> Any:
    """Return it without what was added to maps from any name to a number, where a name is a fact and no field."""
    if isinstance(value, dict) and isinstance(original, dict):
        if original and all(isinstance(inner, int) for inner in original.values()):
            return original
        return {name: with_maps_as_they_are(inner, original.get(name)) for name, inner in value.items()}
    if isinstance(value, list) and isinstance(original, list):
        return [with_maps_as_they_are(*both) for both in zip(value, original, strict=True)]
    return value


async def test_events_of_a_later_version_are_read_by_every_group_as_what_it_knows_of_them(
    each: Service,
    classifier: Service,
    servers: Stack,
) -> None:
    suffix = uuid4().hex[:6]
    group = f"{each.name}-{suffix}"
    subscriptions = [
        Subscription(f"{known.topic}.{suffix}", known.type, known.schema, known.handle) for known in SUBSCRIPTIONS[each.name]
    ]
    expected = {topic for topic, groups in provision.topic_groups().items() if each.name in groups}
    assert {known.topic.removesuffix(f".{suffix}") for known in subscriptions} == expected, "every topic that the group reads"
    await make_topics(servers.bootstrap, [known.topic for known in subscriptions])
    producer = AIOKafkaProducer(bootstrap_servers=servers.bootstrap)
    await producer.start()
    ids = set()
    for known in subscriptions:
        good = await good_data(classifier, known.topic.removesuffix(f".{suffix}"))
        original = msgspec.json.decode(good)
        newer = msgspec.json.encode(with_maps_as_they_are(later(original), original))
        assert newer.count(b"added_later") >= 1
        assert known.decoder.decode(newer) == known.decoder.decode(good), "what it knows says the same"
        told = headers(known.type, {"ce_addedlater": "yes"})
        ids.add(dict(told)["ce_id"].decode())
        await producer.send_and_wait(known.topic, newer, key=b"a-key", headers=told)
        second = {"ce_type": known.type.removesuffix("1") + "2"}
        await producer.send_and_wait(known.topic, b'{"of":"version 2"}', key=b"a-key", headers=headers(known.type, second))
    await producer.stop()
    consumer = Consumer(group, subscriptions, each.worker, bootstrap=servers.bootstrap, clock=SystemClock())
    async with running(consumer.run):
        await asyncio.to_thread(eventually, lambda: consumer.processed >= 2 * len(subscriptions))
    admitted = await each.rows("SELECT event_id FROM inbox WHERE source = 'recours/elsewhere'")
    assert {str(row["event_id"]) for row in admitted} == ids, "each event is dealt with, and none of what comes beside it"
    assert await each.rows("SELECT aggregatetype FROM outbox WHERE aggregatetype LIKE '%.dlq'") == []
