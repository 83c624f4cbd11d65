"""A real broker that trusts nobody: TLS, names by SCRAM and by certificate, and what each name may do by Kafka's own authorizer."""

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from msgspec import Struct

from deploy import acls
from deploy.docs.schemas import EVENTS
from deploy.local import provision
from deploy.local.kafka import EmbeddedKafka, new_cluster_id
from deploy.local.layout import SERVICES, Ports
from libs.common.clock import SystemClock
from libs.common.contracts.envelope import first_event
from libs.common.database import Database
from libs.common.messaging import outbox
from libs.common.messaging.brokers import BrokerAccess
from libs.common.messaging.consumer import Consumer, Subscription
from libs.common.messaging.relay import Relay
from tests.support.certificates import Authority

_NOT_ALLOWED = (29, 30, 31)  # Kafka's numbers: not this topic, not this group, not this cluster
_PATIENCE_MS = 2000  # what is refused is asked again for so long
PASSWORD = "a password of a test"  # noqa: S105 - of a test
TOPICS = {event.name: event.producer for event in EVENTS if event.producer}


_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"


class Guarded(EmbeddedKafka):
    """The broker with two doors: one asks for a name and its password, the other for a certificate."""

    def __init__(self, folder: Path, ports: Ports, authority: Authority) -> None:
        super().__init__(folder, ports.kafka, ports.kafka_controller, folder / "kafka.log")
        self._certificates, self._ports = authority, ports
        self.by_password, self.by_certificate = f"127.0.0.1:{ports.kafka}", f"127.0.0.1:{ports.ingest}"

    def _format(self, java: str, classpath: str, properties: Path) -> None:
        users = [f"SCRAM-SHA-512=[name={name},password={PASSWORD}]" for name in (*SERVICES, "admin", "stranger")]
        command = [java, "-Xmx128m", "-cp", classpath, "kafka.tools.StorageTool", "format", f"--cluster-id={new_cluster_id()}"]
        command += ["-c", str(properties), *(part for user in users for part in ("--add-scram", user))]
        subprocess.run(command, check=True, capture_output=True)

    def properties(self) -> dict[str, str]:
        certificate, key = self._certificates.sign("broker")
        both = self._folder / "broker-both.pem"
        both.write_bytes(key.read_bytes() + certificate.read_bytes())
        changed = {
            "listeners": f"SASL_SSL://{self.by_password},SSL://{self.by_certificate},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"SASL_SSL://{self.by_password},SSL://{self.by_certificate}",
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f'{_LOGIN} required username="admin" password="{PASSWORD}";',
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(both),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self._certificates.path),
            "listener.name.ssl.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=([a-z]+)$/$1/,DEFAULT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:admin;User:ANONYMOUS",  # nobody but the controller itself is without a name
        }
        return super().properties() | changed


@dataclass
class Broker:
    """The broker while it runs, and how somebody reaches it."""

    by_password: str
    by_certificate: str
    authority: Authority

    def scram(self, name: str, password: str = PASSWORD) -> BrokerAccess:
        return BrokerAccess.model_validate(
            {"protocol": "SASL_SSL", "ca": self.authority.path, "user": name, "password": password}
        )  # fmt: skip

    def mutual(self, name: str, signed_by: Authority | None = None) -> BrokerAccess:
        certificate, key = (signed_by or self.authority).sign(name)
        return BrokerAccess.model_validate({"protocol": "SSL", "ca": self.authority.path, "certificate": certificate, "key": key})


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder / "certificates")
    kafka = Guarded(folder, Ports.free(), authority)
    process = kafka.start()
    made = Broker(kafka.by_password, kafka.by_certificate, authority)
    try:
        asyncio.run(furnish(made))
        yield made
    finally:
        process.terminate()
        process.wait()


async def furnish(broker: Broker) -> None:
    """Make the topics and the rules, as an operator does."""
    admin, deadline = broker.scram("admin"), time.monotonic() + 120
    while True:
        client = AIOKafkaAdminClient(bootstrap_servers=broker.by_password, **admin.options())
        try:
            await client.start()
            await client.create_topics([NewTopic(name, 1, 1) for name in provision.wanted_topics()])
        except KafkaError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.5)
        else:
            break
        finally:
            await client.close()
    assert await acls.apply(broker.by_password, admin, acls.rules()) == []


async def may_write(access: BrokerAccess, bootstrap: str, topic: str) -> bool:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        **access.options(),
        enable_idempotence=True,
        request_timeout_ms=_PATIENCE_MS,
        retry_backoff_ms=50,
    )
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"{}", partition=0)
    except (KafkaError, TimeoutError):
        return False
    else:
        return True
    finally:
        await producer.stop()


async def may_read(access: BrokerAccess, bootstrap: str, topic: str, group: str | None) -> bool:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, **access.options(), group_id=group, enable_auto_commit=False, request_timeout_ms=_PATIENCE_MS
    )
    try:
        await consumer.start()
        part = TopicPartition(topic, 0)
        consumer.assign([part])
        await consumer.end_offsets([part])
        if group:
            await consumer.committed(part)
        await consumer.seek_to_beginning(part)
        async with asyncio.timeout(5):
            await consumer.getmany(timeout_ms=200)
    except (KafkaError, TimeoutError):
        return False
    else:
        return True
    finally:
        await consumer.stop()


def test_every_event_is_sent_by_who_the_topics_say() -> None:
    said = {rule.name: rule.service for rule in acls.rules() if rule.operation == "write" and TOPICS.get(rule.name) == rule.service}
    assert said == TOPICS
    owns = re.findall(r"^  ([a-z.]+): \{ from: ([a-z]+),", provision.TOPICS_FILE.read_text(), re.MULTILINE)
    assert dict(owns) == TOPICS


async def test_a_service_can_do_at_the_broker_what_it_needs_and_nothing_else(broker: Broker) -> None:
    done = await asyncio.gather(*(what_it_may(service, broker) for service in SERVICES))
    for service, (writes, reads, groups) in zip(SERVICES, done, strict=True):
        read = {topic for topic, among in provision.topic_groups().items() if service in among}
        letters = {f"{topic}.{service}.dlq" for topic in read}
        assert writes == {topic for topic, sender in TOPICS.items() if sender == service} | read | letters
        assert reads == read
        assert groups == ({service} if read else set())


async def what_it_may(service: str, broker: Broker) -> tuple[set[str], set[str], set[str]]:
    """Try everything as one service; return the topics that it could write and read, and the groups that it could be of.

    The broker is asked in its own protocol, which tells what is refused from what is slow.
    """
    access, where = broker.scram(service), broker.by_password
    admin = AIOKafkaAdminClient(bootstrap_servers=where, **access.options())
    await admin.start()
    try:
        writes, reads = set(), set()
        for name in provision.wanted_topics():
            told = await admin._send_request_to_node(1, ProduceRequest(None, -1, 30_000, [(name, [(0, a_batch())])]))
            if allowed(told.topics[0][1][0][1]):
                writes.add(name)
            told = await admin._send_request_to_node(1, FetchRequest(10, 0, 1000, 0, [(name, [(0, 0, 1000)])]))
            if allowed(told.topics[0][1][0][1]):
                reads.add(name)
        groups = {group for group in SERVICES if await may_commit(access, where, min(reads, default="claim.submitted"), group)}
        made = await admin.create_topics([NewTopic(f"new-{service}", 1, 1)])
        assert not allowed(made.topic_errors[0][1])
    finally:
        await admin.close()
    return writes, reads, groups


def allowed(code: int) -> bool:
    """Return True for what was done, False for what was refused for want of a right; anything else is no answer."""
    assert code in (0, *_NOT_ALLOWED), code
    return code == 0


def a_batch() -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
    builder.append(0, timestamp=1, key=b"a", value=b"{}", headers=[])
    return bytes(builder.build())


async def may_commit(access: BrokerAccess, bootstrap: str, topic: str, group: str) -> bool:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, **access.options(), group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        part = TopicPartition(topic, 0)
        consumer.assign([part])
        await consumer.commit({part: 0})
    except (GroupAuthorizationFailedError, TopicAuthorizationFailedError):
        return False
    else:
        return True
    finally:
        await consumer.stop()


async def test_who_has_no_rule_may_do_nothing(broker: Broker) -> None:
    access = broker.scram("stranger")
    assert not await may_write(access, broker.by_password, "claim.submitted")
    assert not await may_read(access, broker.by_password, "claim.submitted", None)


async def test_a_certificate_is_as_good_a_name_as_a_password(broker: Broker) -> None:
    access = broker.mutual("ingest")
    assert await may_write(access, broker.by_certificate, "claim.submitted")
    assert not await may_write(access, broker.by_certificate, "appeal.filed")


async def test_who_proves_no_name_is_not_let_in(broker: Broker, tmp_path: Path) -> None:
    unsigned = BrokerAccess.model_validate({"protocol": "SSL", "ca": broker.authority.path})
    forged = broker.mutual("ingest", signed_by=Authority(tmp_path / "forged"))
    wrong = broker.scram("ingest", "another password")
    clear = BrokerAccess.model_validate({})
    tried = [
        (unsigned, broker.by_certificate),
        (forged, broker.by_certificate),
        (wrong, broker.by_password),
        (clear, broker.by_password),
    ]
    assert await asyncio.gather(*(may_write(access, where, "claim.submitted") for access, where in tried)) == [False] * 4


async def test_a_broker_that_proves_no_name_is_not_talked_to(broker: Broker, tmp_path: Path) -> None:
    strangers = Authority(tmp_path / "strangers").path
    access = BrokerAccess.model_validate({"protocol": "SASL_SSL", "ca": strangers, "user": "ingest", "password": PASSWORD})
    assert not await may_write(access, broker.by_password, "claim.submitted")


class Counted(Struct, frozen=True):
    number: int


@pytest.fixture
async def databases(service_database: Any) -> AsyncIterator[tuple[Database, Database]]:
    made = Database(service_database("ingest").worker_url), Database(service_database("classifier").worker_url)
    yield made
    for each in made:
        await each.close()


async def test_an_event_goes_from_outbox_to_handler_over_both_doors(databases: tuple[Database, Database], broker: Broker) -> None:
    ingest, classifier = databases
    number, seen = uuid4().int % 1_000_000, list[int]()

    async def handle(_: Any, batch: Any, __: Any) -> list[Any]:
        seen.extend(each.data.number for each in batch)
        return []

    event = first_event(
        "claim.submitted",
        "recours.counted.v1",
        Counted(number),
        key=uuid4(),
        tenant_id="local",
        sequence=1,
        correlation_id="a",
        traceparent=None,
    )
    async with ingest.begin() as tx:
        await outbox.append(tx, [event])
    relay = Relay(ingest, bootstrap=broker.by_password, access=broker.scram("ingest"), source="recours/ingest")
    subscription = Subscription("claim.submitted", "recours.counted.v1", Counted, handle)
    consumer = Consumer(
        "classifier",
        [subscription],
        classifier,
        bootstrap=broker.by_certificate,
        access=broker.mutual("classifier"),
        clock=SystemClock(),
    )
    tasks = [asyncio.create_task(each.run()) for each in (relay, consumer)]
    try:
        async with asyncio.timeout(60):
            while number not in seen:  # noqa: ASYNC110 - a handler signals nothing
                await asyncio.sleep(0.05)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
