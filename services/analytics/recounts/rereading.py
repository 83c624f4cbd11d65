"""Topics read again from their beginning, outside the consumer group: facts that are missing are added, known ones stay.

Each batch is recorded in one transaction with what it changes in the sums, so these are right at any moment of it. What is
missing was lost: it becomes known by its own times again, so that figures as of a day are what they were before.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from libs.common.contracts.envelope import MAX_EVENT_BYTES, Received
from libs.common.database import Database
from libs.common.errors import Permanent, Transient
from libs.common.messaging import cloudevents
from libs.common.messaging.brokers import OPEN, BrokerAccess
from libs.common.messaging.consumer import BATCH_RECORDS, Subscription
from services.analytics.facts import Fact
from services.analytics.handlers import SUBSCRIPTIONS, record, told_by
from services.analytics.store import Account

_WAIT_MS: Final = 500
_BY_TOPIC: Final = {each.topic: each for each in SUBSCRIPTIONS}


async def reread(database: Database, bootstrap: str, tenant_id: str, access: BrokerAccess = OPEN) -> AsyncIterator[int]:
    """Read what the topics hold now; yield, batch by batch, how many facts were new.

    Errors: Transient while no broker answers.
    """
    consumer = AIOKafkaConsumer(
        *_BY_TOPIC, bootstrap_servers=bootstrap, **access.options(), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()  # without a group it has all partitions
        begins = await consumer.beginning_offsets(consumer.assignment())
        ends = await consumer.end_offsets(consumer.assignment())
        left = {each: end for each, end in ends.items() if end > begins[each]}
        while left:
            fetched = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=BATCH_RECORDS)
            yield await _record(database, fetched, tenant_id)
            left = {each: end for each, end in left.items() if await consumer.position(each) < end}
    except KafkaError as error:
        raise Transient(type(error).__name__) from error
    finally:
        await consumer.stop()


async def _record(database: Database, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]], tenant_id: str) -> int:
    told: list[tuple[Account, Fact]] = []
    names: dict[tuple[str, str], str] = {}
    for topic, subscription in _BY_TOPIC.items():
        records = [each for partition, part in fetched.items() if partition.topic == topic for each in part]
        facts, named = told_by(subscription.type, _decoded(records, tenant_id))
        told += facts
        names |= named
    async with database.begin() as tx:
        return await record(tx, told, names, as_told=True)


def _decoded(records: Sequence[ConsumerRecord], tenant_id: str) -> list[Received[Any]]:
    """Return the tenant's events; what could not be read is a dead letter since it first came."""
    found = []
    for each in records:
        try:
            event = _decode(each, _BY_TOPIC[each.topic])
        except Permanent:
            continue
        if event is not None and event.tenant_id == tenant_id:
            found.append(event)
    return found


def _decode(each: ConsumerRecord, subscription: Subscription) -> Received[Any] | None:
    if len(each.value or b"") > MAX_EVENT_BYTES:
        return None
    attributes = cloudevents.read_attributes(each.headers)
    if attributes.type != subscription.type:
        return None
    return cloudevents.receive(attributes, each.key, each.value, subscription.decoder)
