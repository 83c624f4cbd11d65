"""The consumer over a real PostgreSQL: once, in one transaction, and the three kinds of failure."""

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaTimeoutError
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import FixedClock
from libs.common.contracts.envelope import MAX_EVENT_BYTES, Event, Received, caused_event
from libs.common.database import Database
from libs.common.errors import Permanent, Transient
from libs.common.messaging import consumer as consumer_module
from libs.common.messaging import dead_letters
from libs.common.messaging import outbox as outbox_module
from libs.common.messaging.cloudevents import read_attributes, write_headers
from libs.common.messaging.consumer import Consumer, Subscription
from libs.common.messaging.dead_letters import DeadLetter, DeadLetterLimit, TooManyDeadLetters
from tests.support import until

TOPIC, TYPE = "numbers", "recours.number.v1"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
REBALANCES = 3


class Number(Struct, frozen=True):
    number: int


class Answer(Struct, frozen=True):
    square: int


class Squares:
    """A handler that answers each number by an event; some numbers are trouble."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.transient_left = 0

    async def __call__(self, tx: AsyncConnection, events: Sequence[Received[Number]], now: datetime) -> list[Event]:
        if self.transient_left:
            self.transient_left -= 1
            raise Transient("database_away")
        for event in events:
            if event.data.number == 13:
                raise ZeroDivisionError
            if event.data.number == 404:
                raise Permanent("unknown_tenant")
        self.seen += [event.data.number for event in events]
        return [caused_event(event, "squares", "recours.square.v1", Answer(event.data.number**2), sequence=1) for event in events]


def record(number: int | None = None, *, offset: int = 0, event_id: UUID | None = None, **changed: Any) -> ConsumerRecord:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event_id or uuid4()),
        "ce_source": "recours/test",
        "ce_type": TYPE,
        "ce_tenantid": "local",
        "ce_correlationid": "a-file",
        "ce_causationid": "a-file",
        "ce_sequence": "1",
    } | changed.pop("headers", {})
    value = changed.pop("value", json.dumps({"number": number, "unknown_to_us": True}).encode())
    values = {
        "topic": TOPIC,
        "partition": 0,
        "offset": offset,
        "timestamp": 1_700_000_000_000,
        "timestamp_type": 0,
        "key": b"a-key",
        "value": value,
        "checksum": None,
        "serialized_key_size": 5,
        "serialized_value_size": len(value or b""),
        "headers": tuple((name, held.encode()) for name, held in headers.items() if held is not None),
    }
    return ConsumerRecord(**values | changed)


@pytest.fixture
def squares() -> Squares:
    return Squares()


@pytest.fixture
def consumer(database, squares) -> Consumer:
    return Consumer("test", [Subscription(TOPIC, TYPE, Number, squares)], database, bootstrap="unused", clock=FixedClock(NOW))


async def outbox(database: Database) -> list[tuple[str, dict[str, Any]]]:
    async with database.begin() as tx:
        rows = await tx.execute(text("SELECT aggregatetype, payload FROM outbox ORDER BY seq"))
        return [(row.aggregatetype, json.loads(row.payload)) for row in rows]


async def letters(database: Database) -> dict[int, str]:
    return {letter["offset"]: letter["reason"] for topic, letter in await outbox(database) if topic == f"{TOPIC}.test.dlq"}


async def test_a_batch_read_again_changes_nothing(database, consumer, squares) -> None:
    batch = [record(2, offset=0), record(3, offset=1)]
    await consumer.process(batch)
    await consumer.process(batch)
    assert squares.seen == [2, 3]
    assert await outbox(database) == [("squares", {"square": 4}), ("squares", {"square": 9})]


async def test_what_a_batch_is_about_is_held_once_for_all_its_types_and_before_any_is_handled(database) -> None:
    seen: list[tuple[str, list[int]]] = []

    async def hold(_: AsyncConnection, events: Sequence[Received[Number]]) -> None:
        seen.append(("hold", [event.data.number for event in events]))

    def of(name: str) -> Subscription:
        async def handle(_: AsyncConnection, events: Sequence[Received[Number]], __: datetime) -> list[Event]:
            seen.append((name, [event.data.number for event in events]))
            return []

        return Subscription(TOPIC, f"recours.{name}.v1", Number, handle)

    subscriptions = [of("even"), of("odd")]
    consumer = Consumer("test", subscriptions, database, bootstrap="unused", clock=FixedClock(NOW), hold=hold)
    types = ("recours.even.v1", "recours.odd.v1")
    batch = [record(number, offset=number, headers={"ce_type": types[number % 2]}) for number in (1, 2, 3)]
    await consumer.process(batch)
    await consumer.process(batch)
    assert seen == [("hold", [1, 2, 3]), ("even", [2]), ("odd", [1, 3])], "read again there is nothing to hold"


async def test_the_same_event_twice_in_one_batch_counts_once(consumer, squares) -> None:
    event_id = uuid4()
    await consumer.process([record(2, offset=0, event_id=event_id), record(5, offset=1), record(2, offset=2, event_id=event_id)])
    assert squares.seen == [2, 5]


POISON: dict[str, dict[str, Any]] = {
    "not_a_cloudevent": {"headers": {"ce_specversion": None}},
    "bad_attribute": {"headers": {"ce_id": "7"}},
    "unknown_type": {"headers": {"ce_type": "recours.letter.v1"}},
    "not_json": {"value": b"{"},
    "violates_contract": {"value": b'{"number":"two"}'},
    "no_data": {"value": b""},
    "bad_key": {"key": b"\x00\x00\x00\x07"},
    "no_key": {"key": None},
    "too_large": {"value": b'{"number":2,"pad":"' + b"x" * MAX_EVENT_BYTES + b'"}'},
    "wrong_topic": {"topic": "letters"},
}


@pytest.mark.parametrize("reason", POISON)
async def test_what_can_never_be_read_becomes_a_dead_letter_and_its_batch_goes_on(reason, database, consumer, squares) -> None:
    await consumer.process([record(2, offset=0), record(3, offset=1, **POISON[reason]), record(4, offset=2)])
    assert squares.seen == [2, 4]
    topic, letter = next((topic, letter) for topic, letter in await outbox(database) if topic.endswith(".dlq"))
    assert (topic.removesuffix(".test.dlq"), letter["reason"], letter["offset"]) == (letter["topic"], reason, 1)


AWKWARD: dict[str, tuple[str | None, dict[str, Any]]] = {
    "a key that is no text": ("bad_key", {"key": b"\xff\xfe"}),
    "an empty tenant": ("bad_attribute", {"headers": {"ce_tenantid": ""}}),
    "a NUL in the tenant": ("bad_attribute", {"headers": {"ce_tenantid": "lo\x00cal"}}),
    "a NUL in the source": ("bad_attribute", {"headers": {"ce_source": "\x00"}}),
    "an attribute without end": ("bad_attribute", {"headers": {"ce_correlationid": "x" * 5000}}),
    "a version of 5000 digits": (None, {"headers": {"ce_type": "recours.number.v" + "9" * 400}}),
    "a sequence of 5000 digits": ("bad_attribute", {"headers": {"ce_sequence": "9" * 5000}}),
    "a NUL in a text": ("violates_contract", {"value": b'{"number":1,"text":"a\\u0000b"}'}),
    "a lone surrogate": ("not_json", {"value": b'{"number":1,"text":"\\ud800"}'}),
    "a number of 5000 digits": ("violates_contract", {"value": b'{"number":1' + b"0" * 5000 + b"}"}),
    "brackets without end": ("not_json", {"value": b'{"x":' + b"[" * 100_000}),
    "NaN": ("not_json", {"value": b'{"number":NaN}'}),
}


@pytest.mark.parametrize("case", AWKWARD)
async def test_no_record_however_awkward_stops_the_consumer(case, database, consumer, squares) -> None:
    reason, changed = AWKWARD[case]
    await consumer.process([record(2, offset=0), record(3, offset=1, **changed), record(4, offset=2)])
    assert squares.seen == [2, 4]
    assert await letters(database) == ({1: reason} if reason else {})


async def test_a_header_without_a_value_counts_as_missing(database, consumer, squares) -> None:
    odd = record(3, offset=1)
    nulled = tuple((name, None if name == "ce_id" else value) for name, value in odd.headers)
    await consumer.process([dataclasses.replace(odd, headers=nulled), record(4, offset=2)])
    assert squares.seen == [4]
    assert await letters(database) == {1: "not_a_cloudevent"}


async def test_a_batch_that_waits_for_its_database_counts_once_towards_the_limit(database, squares) -> None:
    subscription = Subscription(TOPIC, TYPE, Number, squares)
    limit = DeadLetterLimit(per_minute=3, share=0.5)
    consumer = Consumer("test", [subscription], database, bootstrap="unused", clock=FixedClock(NOW), limit=limit)
    batch = [record(2, offset=9), *(record(offset=offset, value=b"{") for offset in range(3))]
    squares.transient_left = 5
    for _ in range(5):
        with pytest.raises(Transient):
            await consumer.process(batch)
    await consumer.process(batch)
    assert squares.seen == [2]


async def test_a_tenant_in_any_script_keeps_its_name_on_the_wire() -> None:
    extra = {"ce_tenantid": "clinique-été-诊所", "ce_sequence": "1", "ce_correlationid": "a-file"}
    headers = write_headers(uuid4(), b"recours/test", TYPE, b"a-key", json.dumps(extra))
    assert read_attributes(headers).tenant_id == "clinique-été-诊所"


async def test_a_dead_letter_read_again_is_not_doubled(database, consumer) -> None:
    batch = [record(3, offset=1, value=b"{")]
    await consumer.process(batch)
    await consumer.process(batch)
    assert await letters(database) == {1: "not_json"}
    assert len(await outbox(database)) == 1


async def test_a_newer_version_of_a_known_type_is_skipped_and_an_older_one_is_not_known(database, consumer, squares) -> None:
    await consumer.process(
        [
            record(2, headers={"ce_type": "recours.number.v2"}),
            record(3, offset=1, headers={"ce_type": "recours.number.v0"}),
        ]
    )
    assert squares.seen == []
    assert await letters(database) == {1: "unknown_type"}


async def test_a_record_that_its_handler_rejects_becomes_a_dead_letter_alone(database, consumer, squares) -> None:
    await consumer.process([record(2, offset=0), record(404, offset=1), record(4, offset=2)])
    assert squares.seen == [2, 4]
    assert await letters(database) == {1: "unknown_tenant"}


async def test_a_bug_stops_the_process_and_only_its_record_stays_undone(database, consumer, squares) -> None:
    with pytest.raises(ZeroDivisionError):
        await consumer.process([record(2, offset=0), record(13, offset=1), record(4, offset=2)])
    assert squares.seen == [2]
    assert await outbox(database) == [("squares", {"square": 4})]


async def test_too_many_dead_letters_are_our_bug_and_commit_nothing(database, squares) -> None:
    consumer = Consumer(
        "test",
        [Subscription(TOPIC, TYPE, Number, squares)],
        database,
        bootstrap="unused",
        clock=FixedClock(NOW),
        limit=DeadLetterLimit(per_minute=3, share=0.5),
    )
    with pytest.raises(TooManyDeadLetters):
        await consumer.process([record(2, offset=9), *(record(offset=offset, value=b"{") for offset in range(4))])
    assert await outbox(database) == []


async def test_a_replayed_dead_letter_goes_out_as_it_came_in(database, consumer, squares) -> None:
    rejected = record(404, offset=1)
    await consumer.process([rejected])
    ((_, letter),) = await outbox(database)
    letter_id = dead_letters.dead_letter_id(rejected, "test")
    row = dict(zip(outbox_module.COLUMNS, dead_letters.replay_row(_letter(letter), letter_id), strict=True))
    headers = write_headers(row["id"], b"recours/elsewhere", row["type"], row["aggregateid"].encode(), row["headers"])
    assert (row["aggregatetype"], row["payload"], row["aggregateid"]) == (TOPIC, rejected.value, "a-key")
    assert dict(headers) == dict(rejected.headers) | {"ce_replayof": str(letter_id).encode()}


def _letter(fields: dict[str, Any]) -> Any:
    return DeadLetter(**fields)


@pytest.fixture
async def topic(kafka_server) -> str:
    name = f"numbers-{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 4, 1)])
    await admin.close()
    return name


async def produce(bootstrap: str, topic: str, numbers: Sequence[int]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for number in numbers:
        made = record(number)
        await producer.send_and_wait(topic, made.value, key=str(number).encode(), headers=list(made.headers))
    await producer.stop()


class Counted(Consumer):
    """Tells how many records each batch had."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.batches: list[int] = []

    async def process(self, records: Sequence[ConsumerRecord]) -> None:
        self.batches.append(len(records))
        await super().process(records)


def member(database: Database, kafka_server: Any, topic: str, squares: Squares, **told: Any) -> "Counted":
    subscription = Subscription(topic, TYPE, Number, squares)
    return Counted(f"group-{topic}", [subscription], database, bootstrap=kafka_server.bootstrap, clock=FixedClock(NOW), **told)


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_transient_is_waited_out_and_the_same_batch_comes_again(database, kafka_server, topic, squares) -> None:
    squares.transient_left = 3
    await produce(kafka_server.bootstrap, topic, range(20, 30))
    consumer = member(database, kafka_server, topic, squares)
    task = asyncio.create_task(consumer.run())
    await until(lambda: consumer.waiting_since is not None)
    await until(lambda: len(squares.seen) == 10)
    await stop(task)
    assert sorted(squares.seen) == list(range(20, 30))


async def test_two_members_share_the_work_and_hand_it_over_without_doubling(database, kafka_server, topic, squares) -> None:
    await produce(kafka_server.bootstrap, topic, range(100, 140))
    first = asyncio.create_task(member(database, kafka_server, topic, squares).run())
    await until(lambda: len(squares.seen) >= 40)
    second = asyncio.create_task(member(database, kafka_server, topic, squares).run())
    await produce(kafka_server.bootstrap, topic, range(140, 180))
    await stop(first)
    await produce(kafka_server.bootstrap, topic, range(180, 200))
    async with asyncio.timeout(60):
        while len(await outbox(database)) < 100:  # noqa: ASYNC110 - committed, not only seen: a stop breaks off what is under way
            await asyncio.sleep(0.05)
    await stop(second)
    # Counted by what was committed: a batch that the stop broke off was seen and is seen again.
    answered = sorted(answer["square"] for _, answer in await outbox(database))
    assert answered == [number**2 for number in range(100, 200)]


async def test_a_rebalance_that_begins_while_records_come_is_over_at_once(database, kafka_server, topic, squares) -> None:
    """Its two halves waited for each other when a record came between them: until the watchdog ended the process."""
    sent = count(1000)

    async def trickle() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka_server.bootstrap)
        await producer.start()
        while True:
            number = next(sent)
            made = record(number)
            await producer.send_and_wait(topic, made.value, key=str(number).encode(), headers=list(made.headers))
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(trickle()), asyncio.create_task(member(database, kafka_server, topic, squares).run())]
    await until(lambda: squares.seen != [])
    for _ in range(REBALANCES):
        others = Squares()
        other = asyncio.create_task(member(database, kafka_server, topic, others).run())
        await until(lambda others=others: others.seen != [])
        before = len(squares.seen)
        await until(lambda before=before: len(squares.seen) > before)
        await stop(other)
    for task in tasks:
        await stop(task)


async def committed(admin: AIOKafkaAdminClient, group: str) -> int:
    """Count what a group has said to have dealt with; nothing while a fresh broker has nobody yet who keeps it."""
    try:
        return sum(each.offset for each in (await admin.list_consumer_group_offsets(group)).values())
    except GroupCoordinatorNotAvailableError:
        return 0


async def test_what_was_done_is_committed_to_the_broker_once_there_is_nothing_more_to_do(
    database, kafka_server, topic, squares
) -> None:
    await produce(kafka_server.bootstrap, topic, range(200, 210))
    task = asyncio.create_task(member(database, kafka_server, topic, squares).run())
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    await admin.start()
    async with asyncio.timeout(60):
        while await committed(admin, f"group-{topic}") < 10:  # noqa: ASYNC110 - the broker knows
            await asyncio.sleep(0.05)
    await admin.close()
    await stop(task)
    assert sorted(squares.seen) == list(range(200, 210))


async def test_an_uncommitted_batch_is_read_again_after_a_crash(database, kafka_server, topic, squares) -> None:
    await produce(kafka_server.bootstrap, topic, [1, 2, 13])
    with pytest.raises(ZeroDivisionError):
        await member(database, kafka_server, topic, squares).run()
    squares_after = Squares()

    async def mended(tx: AsyncConnection, events: Sequence[Received[Number]], now: datetime) -> list[Event]:
        squares_after.seen += [event.data.number for event in events]
        return []

    consumer = Consumer(
        f"group-{topic}",
        [Subscription(topic, TYPE, Number, mended)],
        database,
        bootstrap=kafka_server.bootstrap,
        clock=FixedClock(NOW),
    )
    task = asyncio.create_task(consumer.run())
    await until(lambda: 13 in squares_after.seen)
    await stop(task)
    assert sorted(squares.seen + squares_after.seen) == [1, 2, 13]


async def test_a_commit_that_never_comes_back_is_given_up(consumer, monkeypatch) -> None:
    class Closing:
        """As aiokafka's when it closes without a coordinator: it no longer looks for one and tries for ever."""

        async def commit(self, offsets: dict[TopicPartition, int]) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(consumer_module, "_COMMIT_SECONDS_MAX", 0.1)
    consumer._done[TopicPartition(TOPIC, 0)] = 5
    with pytest.raises(KafkaTimeoutError):
        await consumer._hand_over(Closing())


async def test_what_comes_for_a_tenant_that_is_erased_is_dropped_and_not_kept_as_a_dead_letter_either(consumer, squares, database):
    for state in ("erasing", "erased"):
        async with database.begin() as tx:
            await tx.execute(text("INSERT INTO tenants VALUES (:t, :s, '', 'olga', now())"), {"t": state, "s": state})
        of_it = {"ce_tenantid": state}
        at = 10 if state == "erased" else 0
        await consumer.process(
            [record(2, offset=at, headers=of_it), record(3, offset=at + 1), record(offset=at + 2, value=b"no json", headers=of_it)]
        )
    assert squares.seen == [3, 3]
    assert [topic for topic, _ in await outbox(database)] == ["squares", "squares"]


async def test_a_patient_consumer_gathers_what_comes_in_drops(database, kafka_server, topic, squares) -> None:
    patient = member(database, kafka_server, topic, squares, patient=True)
    task = asyncio.create_task(patient.run())
    await produce(kafka_server.bootstrap, topic, [20])
    await until(lambda: len(squares.seen) == 1)
    began = asyncio.get_running_loop().time()
    await produce(kafka_server.bootstrap, topic, range(21, 121))
    await until(lambda: len(squares.seen) == 101)
    passed = asyncio.get_running_loop().time() - began
    await stop(task)
    # 100 drops one after the other, and the one before them: two batches a second, however long that took.
    assert len(patient.batches) <= 3 + 2 * passed, patient.batches
