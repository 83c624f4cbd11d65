"""What may happen to records on their way: they come three times, late, in another order, newer than we are, or as nonsense."""

import base64
import importlib
import pkgutil
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition

from deploy.local import provision
from libs.common import contracts
from libs.common.contracts.envelope import MAX_EVENT_BYTES
from tests.support import run_apart
from tests.support.system import System

_TIMES = 3
_PRODUCER: Mapping[str, Any] = {"acks": "all", "max_request_size": 8 * 1024 * 1024}

SOURCE = b"recours/chaos"  # whose events poison says to be

Planted = Counter[tuple[str, str, bytes]]  # of a dead letter: its topic, its reason, the record's value


def types() -> dict[str, str]:
    """Return each topic's type of event."""
    modules = (importlib.import_module(f"{contracts.__name__}.{each.name}") for each in pkgutil.iter_modules(contracts.__path__))
    return {module.TOPIC: module.TYPE for module in modules if hasattr(module, "TOPIC")}


def send_again(system: System, since: Mapping[TopicPartition, int], draw: random.Random) -> int:
    """Send all that the topics got since then three times more, each partition's in an order of its own; return how many."""
    told = [record for topic in provision.topic_groups() for record in system.records(topic, since)]
    again = told * _TIMES
    draw.shuffle(again)
    run_apart(_produce(system.stack.bootstrap, again))
    return len(again)


def poison(system: System, draw: random.Random) -> Planted:
    """Send records that can never succeed to every topic; return the dead letters that must come of them."""
    planted: Planted = Counter()
    records = []
    for topic, type_ in types().items():
        for reason, (key, value, headers) in _poisons(type_).items():
            partition = draw.randrange(provision.wanted_topics()[topic]["partitions"])
            records.append(_record(topic, partition, key, value, headers))
            planted.update((f"{topic}.{group}.dlq", reason, value or b"") for group in provision.topic_groups()[topic])
    draw.shuffle(records)
    run_apart(_produce(system.stack.bootstrap, records))
    return planted


def dead_letters(rows: Iterable[Any]) -> Planted:
    """Read outbox rows (aggregatetype, payload) of dead letters."""
    found: Planted = Counter()
    for topic, letter in rows:
        found[topic, letter["reason"], base64.b64decode(letter["value"])] += 1
    return found


_Told = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]


def _poisons(type_: str) -> dict[str, _Told]:
    mark = uuid4().hex.encode()
    headers = [
        ("ce_specversion", b"1.0"), ("ce_id", str(uuid4()).encode()), ("ce_source", SOURCE), ("ce_type", type_.encode()),
        ("ce_tenantid", b"local"), ("ce_sequence", b"1"), ("ce_correlationid", b"chaos"), ("content-type", b"application/json"),
    ]  # fmt: skip
    without_id = [(name, b"no id" if name == "ce_id" else value) for name, value in headers]
    unknown = [(name, b"recours.nothing.v1" if name == "ce_type" else value) for name, value in headers]
    return {
        "not_a_cloudevent": (b"chaos", mark, []),
        "bad_attribute": (b"chaos", b"{}" + mark, without_id),
        "unknown_type": (b"chaos", b'{"mark":"' + mark + b'"}', unknown),
        "not_json": (b"chaos", b'{"' + mark, headers),
        "violates_contract": (b"chaos", b'["' + mark + b'"]', headers),
        "no_key": (None, b'{"no_key":"' + mark + b'"}', headers),
        "no_data": (b"chaos", None, headers),
        "too_large": (b"chaos", mark * (MAX_EVENT_BYTES // len(mark) + 1), headers),
    }


def _record(topic: str, partition: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> ConsumerRecord:
    return ConsumerRecord(topic, partition, 0, 0, 0, key, value, None, 0, 0, tuple(headers))


async def _produce(bootstrap: str, records: Iterable[ConsumerRecord]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, **_PRODUCER)
    await producer.start()
    try:
        for each in records:
            headers = list(each.headers)
            await producer.send(each.topic, each.value, key=each.key, partition=each.partition, headers=headers)
    finally:
        await producer.stop()
