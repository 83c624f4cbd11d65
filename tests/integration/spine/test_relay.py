"""The relay over a real PostgreSQL and a real Kafka: nothing lost, order kept, one at a time."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local.layout import Ports
from libs.common.contracts.envelope import Event, first_event
from libs.common.database import Database
from libs.common.messaging import outbox
from libs.common.messaging.relay import Relay
from tests.support.proxy import Proxy


class Counted(Struct, frozen=True):
    number: int


def event(
    topic: str, number: int, *, key: str = "00000000-0000-0000-0000-000000000001", sequence: int = 1, tenant_id: str = "local"
) -> Event:
    made = first_event(
        topic,
        "recours.counted.v1",
        Counted(number),
        key=uuid4(),
        tenant_id=tenant_id,
        sequence=sequence,
        correlation_id="a-file",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    return Event(**{name: getattr(made, name) for name in made.__struct_fields__} | {"key": key})


@pytest.fixture
async def topic(kafka_server) -> str:
    name = f"relay-{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    await admin.close()
    return name


@contextlib.asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settled(holds: Callable[[], bool]) -> None:
    """Wait, within bounds, for what a relay counts after the broker's answer: a reader of the topic may be quicker."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the relay counts, it signals nothing
            await asyncio.sleep(0.02)


async def read(bootstrap: str, topic: str, *, until: Callable[[list], bool], seconds: float = 20) -> list:
    """Read a topic from its beginning until enough is there."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    records: list = []
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or {0, 1}]
        consumer.assign(partitions)
        async with asyncio.timeout(seconds):
            while not until(records):
                for part in (await consumer.getmany(timeout_ms=200)).values():
                    records.extend(part)
    finally:
        await consumer.stop()
    return records


def numbers(records: list) -> list[int]:
    return [int(record.value.decode().removeprefix('{"number":').removesuffix("}")) for record in records]


async def test_an_event_arrives_as_a_cloudevent_with_its_cause_and_trace(database, kafka_server, topic) -> None:
    sent = event(topic, 7, sequence=3)
    async with database.begin() as tx:
        await outbox.append(tx, [sent])
    async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test")):
        (record,) = await read(kafka_server.bootstrap, topic, until=bool)
    headers = {name: value.decode() for name, value in record.headers}
    assert record.value == b'{"number":7}'
    assert record.key.decode() == sent.key == headers["ce_partitionkey"]
    assert headers | {"ce_id": "", "ce_partitionkey": ""} == {
        "ce_specversion": "1.0",
        "ce_id": "",
        "ce_source": "recours/test",
        "ce_type": "recours.counted.v1",
        "ce_partitionkey": "",
        "content-type": "application/json",
        "ce_tenantid": "local",
        "ce_correlationid": "a-file",
        "ce_causationid": "a-file",
        "ce_sequence": "3",
        "traceparent": sent.traceparent,
    }


async def test_a_row_that_commits_late_is_not_lost(database, kafka_server, topic) -> None:
    async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test")):
        async with database.begin() as late:
            await outbox.append(late, [event(topic, 1)])
            async with database.begin() as early:
                await outbox.append(early, [event(topic, 2)])
            await asyncio.sleep(0.5)  # the relay has had every chance to pass over the open one
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(found) == 2)
    assert numbers(records) == [1, 2]


async def test_a_transaction_left_open_in_another_services_database_holds_nothing_back(
    database, service_database, kafka_server, topic
) -> None:
    neighbour = Database(service_database("ingest").worker_url)
    async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test")), neighbour.begin() as open_:
        await outbox.append(open_, [event(topic, 1)])
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, 2)])
        assert numbers(await read(kafka_server.bootstrap, topic, until=bool)) == [2]
    await neighbour.close()


async def test_what_rolls_back_is_never_sent(database, kafka_server, topic) -> None:
    async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test")):
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is the transaction
            async with database.begin() as tx:
                await outbox.append(tx, [event(topic, 1)])
                raise ZeroDivisionError
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, 2)])
        records = await read(kafka_server.bootstrap, topic, until=bool)
        await asyncio.sleep(0.3)
    assert numbers(records) == [2]


async def _advance_transaction_ids(tx: AsyncConnection, *, short_of_digits_by: int) -> None:
    """Use up transaction ids until the next one more digit is near."""
    current = int((await tx.execute(text("SELECT pg_current_xact_id()::text"))).scalar_one())
    missing = 10 ** len(str(current)) - current - short_of_digits_by
    await tx.execute(text("COMMIT"))
    await tx.execute(text("SET synchronous_commit = off"))
    await tx.execute(text(f"DO $$ BEGIN FOR n IN 1..{missing} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"))


async def test_no_event_is_lost_when_transaction_ids_gain_a_digit(service_database, kafka_server, topic) -> None:
    handle = service_database("classifier")
    database, other = Database(handle.worker_url), Database(handle.worker_url)
    async with other.engine.connect() as connection:
        await _advance_transaction_ids(connection, short_of_digits_by=10)
    relay = Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test", window_rows=3)
    for number in range(25):
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, number)])
    async with database.begin() as tx:
        lengths = (await tx.execute(text("SELECT DISTINCT length(xid::text) FROM outbox"))).scalars().all()
    async with running(relay):
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(found) == 25)
    await database.close()
    await other.close()
    assert len(lengths) == 2, "the rows do not straddle the digit: the test proves nothing"
    assert numbers(records) == list(range(25))


async def test_two_transactions_on_one_key_in_two_windows_keep_the_order_of_their_sequence(database, kafka_server, topic) -> None:
    """The fence's trap: the older transaction gets the lock second, and a window ends between the two.

    The topic then holds the newer version first. That is why every event carries its aggregate's version.
    """
    async with database.begin() as older:
        await older.execute(text("SELECT pg_current_xact_id()"))  # takes the lower id, then waits for the lock
        async with database.begin() as newer:
            await outbox.append(newer, [event(topic, 1, sequence=1)])
        await outbox.append(older, [event(topic, 2, sequence=2)])
    async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test", window_rows=1)):
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(found) == 2)
    by_arrival = [
        (number, int(dict(record.headers)["ce_sequence"])) for number, record in zip(numbers(records), records, strict=True)
    ]
    assert by_arrival == [(2, 2), (1, 1)], "the interleaving was not built"
    assert max(by_arrival, key=lambda pair: pair[1])[0] == 2


async def test_inside_one_window_the_order_of_the_lock_holds_even_against_transaction_ids(database, kafka_server, topic) -> None:
    async with database.begin() as older:
        await older.execute(text("SELECT pg_current_xact_id()"))
        async with database.begin() as newer:
            await outbox.append(newer, [event(topic, 1, sequence=1)])
        await outbox.append(older, [event(topic, 2, sequence=2)])
    async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test")):
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(found) == 2)
    assert numbers(records) == [1, 2]


async def test_a_relay_stopped_again_and_again_loses_nothing_and_keeps_order(database, kafka_server, topic) -> None:
    total = 600
    for start in range(0, total, 20):
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, number) for number in range(start, start + 20)])
    for pause in (0.05, 0.3, 0.2, 0.4, 0.1):
        async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test", window_rows=20)):
            await asyncio.sleep(pause)
    async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test", window_rows=20)):
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(set(numbers(found))) == total)
    first_seen = list(dict.fromkeys(numbers(records)))
    assert first_seen == list(range(total))


async def test_a_tenant_that_fills_the_relay_is_overtaken_by_all_others(database, kafka_server, topic) -> None:
    """A backlog as an outage leaves it: 1,000 of one, 300 of another behind them, 10 of a third at the end."""
    backlog = {"flood": range(1000), "much": range(1000, 1300), "quiet": range(1300, 1310)}
    for tenant_id, its in backlog.items():
        for start in range(its.start, its.stop, 10):
            async with database.begin() as tx:
                await outbox.append(tx, [event(topic, each, tenant_id=tenant_id) for each in range(start, start + 10)])
    relay = Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test", window_rows=50)
    async with running(relay):
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(found) >= 1310)
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, 1310, tenant_id="much"), event(topic, 1311, tenant_id="flood")])
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(found) >= 1312)
    found = numbers(records)
    assert sorted(found) == list(range(1312)), "each once"
    for its in backlog.values():
        assert [each for each in found if each in its] == list(its), "each tenant's in order"
    assert found.index(1309) < 500, "the third waits for some windows of the others"
    assert found.index(1299) < 1000, "and the second goes beside both"


async def test_what_a_large_transaction_carries_past_those_ahead_is_not_sent_again(database, kafka_server, topic) -> None:
    """A letter is an event of the tenant of this name. The last but one carries the relay past one lane; another is further on."""
    number = itertools.count()
    for tenants in ("mmma", "m", "fff", "a", "ffff", "ffff", "fmm", "mmmmmfmmbmfmammbbm", "f"):
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, next(number), tenant_id=each) for each in tenants])
    total = next(number)
    relay = Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test", window_rows=4)
    async with running(relay):
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(set(numbers(found))) == total)
        await settled(lambda: relay.sent >= total)  # a record is read before the relay hears that it is kept
    assert sorted(numbers(records)) == list(range(total)), "each once"
    assert relay.sent == total


async def test_a_relay_that_dies_while_some_are_ahead_loses_nothing_and_keeps_each_tenants_order(
    database, kafka_server, topic
) -> None:
    for start in range(0, 600, 20):
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, each, tenant_id="flood") for each in range(start, start + 20)])
    async with database.begin() as tx:
        await outbox.append(tx, [event(topic, each, tenant_id="quiet") for each in range(600, 620)])
    for pause in (0.3, 0.2, 0.4):
        async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test", window_rows=20)):
            await asyncio.sleep(pause)
    async with running(Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test", window_rows=20)):
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(set(numbers(found))) == 620)
    first_seen = list(dict.fromkeys(numbers(records)))
    assert [each for each in first_seen if each < 600] == list(range(600))
    assert [each for each in first_seen if each >= 600] == list(range(600, 620))


async def test_only_one_relay_is_active_and_another_takes_over(database, kafka_server, topic) -> None:
    first = Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test")
    second = Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test")
    async with running(second):
        async with running(first):
            for number in range(10):
                async with database.begin() as tx:
                    await outbox.append(tx, [event(topic, number)])
            await read(kafka_server.bootstrap, topic, until=lambda found: len(found) == 10)
            await settled(lambda: first.sent + second.sent == 10)
            assert sorted((first.sent, second.sent)) == [0, 10]
            already = second.sent
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, 10)])
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(found) == 11)
        await settled(lambda: second.sent == already + 1)
    assert numbers(records) == list(range(11))


async def test_a_lost_database_session_is_taken_up_again(database, kafka_server, topic, postgres_server) -> None:
    relay = Relay(database, bootstrap=kafka_server.bootstrap, source="recours/test")
    async with running(relay):
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, 1)])
        await read(kafka_server.bootstrap, topic, until=bool)
        async with database.begin() as tx:  # every other session of this role ends, the relay's too
            await tx.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user"
                )
            )
        async with database.begin() as tx:
            await outbox.append(tx, [event(topic, 2)])
        records = await read(kafka_server.bootstrap, topic, until=lambda found: len(set(numbers(found))) == 2)
    assert list(dict.fromkeys(numbers(records))) == [1, 2]  # the first goes twice where its session ended before its position moved


@pytest.fixture
def far_away(service_database) -> Iterator[tuple[Database, Database, Proxy]]:
    """A database as two hosts reach it, the second through a proxy that may lose it."""
    url = service_database("classifier").worker_url
    port = urlsplit(url).port
    assert port is not None
    with Proxy(Ports.free().postgres, port) as proxy:
        yield Database(url), Database(url.replace(f":{port}/", f":{proxy.port}/")), proxy


@pytest.mark.parametrize("while_it", ["waits", "is between two messages of a statement"])
async def test_a_relay_whose_host_is_lost_keeps_the_lock_for_a_while_only(
    far_away, kafka_server, topic, monkeypatch, while_it: str
) -> None:
    near, far, proxy = far_away
    monkeypatch.setattr("libs.common.messaging.relay._GHOST_SECONDS", 5.0)
    lost = Relay(far, bootstrap=kafka_server.bootstrap, source="recours/test")
    at_rest = asyncio.Event()

    async def rest(connection, _) -> None:
        if while_it != "waits":
            await connection.prepare("SELECT last_xid::text FROM relay_position")  # its session is neither idle nor at work now
        at_rest.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(lost, "_drain_for_ever", rest)
    async with running(lost):
        async with asyncio.timeout(60):
            await at_rest.wait()
        proxy.lose_clients()
    async with near.begin() as tx:
        await outbox.append(tx, [event(topic, 1)])
    async with running(Relay(near, bootstrap=kafka_server.bootstrap, source="recours/test")):
        assert numbers(await read(kafka_server.bootstrap, topic, until=bool, seconds=120)) == [1]
    await near.close()
    await far.close()
