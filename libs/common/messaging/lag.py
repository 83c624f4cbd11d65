"""How far the services' consumers are behind, asked of the broker itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from libs.common.errors import Transient
from libs.common.messaging.brokers import BrokerAccess

_PATIENCE_SECONDS: Final = 4.0


async def lags(bootstrap: str | None, access: BrokerAccess, groups: tuple[str, ...]) -> dict[str, dict[str, int]] | None:
    """Return how many records each group has not said to have dealt with, by topic; of those partitions of which it ever said
    something.

    A group that never did is missing. None: the broker does not answer, or nobody said where it is.
    """
    if bootstrap is None:
        return None
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await _ask(bootstrap, access, groups)
    except (KafkaError, OSError, TimeoutError):
        return None


@asynccontextmanager
async def _asking(
    bootstrap: str, access: BrokerAccess, *topics: str
) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **access.options())
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, **access.options(), enable_auto_commit=False)
    try:
        await admin.start()
        await consumer.start()
        yield admin, consumer
    finally:
        await consumer.stop()
        await admin.close()


async def _ask(bootstrap: str, access: BrokerAccess, groups: tuple[str, ...]) -> dict[str, dict[str, int]]:
    async with _asking(bootstrap, access) as (admin, consumer):
        committed = {group: await admin.list_consumer_group_offsets(group) for group in groups}
        ends = await consumer.end_offsets({part for parts in committed.values() for part in parts})
    found: dict[str, dict[str, int]] = {}
    for group, parts in committed.items():
        for part, told in parts.items():
            topics = found.setdefault(group, {})
            topics[part.topic] = topics.get(part.topic, 0) + (max(0, ends[part] - told.offset) if told.offset >= 0 else 0)
    return found


async def places(
    bootstrap: str, access: BrokerAccess, group: str, topics: Sequence[str]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Return how far topics go, and up to where of it a group has dealt with everything.

    Errors: Transient while the broker does not answer.
    """
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), _asking(bootstrap, access, *topics) as (admin, consumer):
            parts = consumer.assignment()  # without a group it has all partitions
            ends = await consumer.end_offsets(parts)
            begins = await consumer.beginning_offsets(parts)
            committed = await admin.list_consumer_group_offsets(group)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Transient(type(error).__name__) from error
    return ends, begins | {part: told.offset for part, told in committed.items() if told.offset >= 0}
