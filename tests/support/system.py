"""The whole running system as tests see it: files in over HTTP, then what every service holds and every topic carries."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from deploy.local import provision
from deploy.local.layout import SERVICES, Ports
from deploy.local.stack import Stack
from libs.common.messaging.dead_letters import SUFFIX
from tests.support import eventually, run_apart
from tests.support.access import bearer

# What tells of the posting itself, and the spine's own tables: these may grow when the same file comes again.
_OF_THE_POSTING = {"interchanges", "interchange_chunks", "transactions", "findings", "inbox", "relay_position", "alembic_version"}
_OF_WHO_ASKED = {"audit_log", "audit_chain", "audit_position", "audit_seals"}  # who sent it again is entered, too
# What a scan that nobody waits for writes: follow-ups, odds and alerts come some seconds after what they are about.
_OF_THE_SCAN = {
    "followup_watches",
    "followup_sweeps",
    "followup_history",
    "followups",
    "payer_habits",
    "odds_due",
    "odds_tables",
    "alert_marks",
}
_TABLES = """
SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
"""


class System:
    """A stack with its four services; `ports` are those of other API processes than its own."""

    def __init__(self, stack: Stack, ports: Ports | None = None, tenant: str = "local") -> None:
        self.stack = stack
        self._ports = ports or stack.ports
        self._client = httpx.Client(headers=bearer(tenant), timeout=60)

    def close(self) -> None:
        self._client.close()

    def url(self, service: str) -> str:
        """Return where a service's API listens for this tenant."""
        return self._ports.url(service)

    def get(self, service: str, path: str, **query: Any) -> Any:
        answer = self._client.get(self.url(service) + path, params=query)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def pages(self, service: str, path: str, **query: Any) -> list[dict[str, Any]]:
        """Return all items of a list."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(service, path, limit=200, **query, **cursor)
            found += page["items"]
            if page.get("next_cursor") is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def send(self, claim: dict[str, Any]) -> str:
        """Post one claim as JSON and return its id."""
        answer = self._client.post(self.url("ingest") + "/v1/claims", json=claim)
        assert answer.status_code in (200, 201), (answer.status_code, answer.text)
        return str(answer.json()["claim_id"])

    def post(self, body: bytes, **headers: str) -> dict[str, Any]:
        """Post one file and return its interchange as it was acknowledged."""
        answer = self._client.post(self.url("ingest") + "/v1/interchanges", content=body, headers=headers)
        assert answer.status_code in (200, 202), (answer.status_code, answer.text)
        return dict(answer.json())

    def interchange(self, interchange_id: str) -> dict[str, Any]:
        return dict(self.get("ingest", f"/v1/interchanges/{interchange_id}"))

    def take_in(self, *bodies: bytes) -> list[dict[str, Any]]:
        """Post files one after the other, wait until all of the system has dealt with them, return what became of each."""
        posted = [self.post(body)["interchange_id"] for body in bodies]
        self.come_to_rest()
        return [self.interchange(each) for each in posted]

    def rows(self, service: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask a service's database, past row-level security."""

        async def ask() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.stack.database_url(service, "worker"), timeout=10)
            try:
                return list(await connection.fetch(query, *arguments))
            finally:
                await connection.close()

        return list(run_apart(ask()))

    def come_to_rest(self, seconds: float = 240) -> None:
        """Return when nothing moves any more: files read, outboxes sent, records dealt with by all their groups, APIs answering."""
        eventually(self.at_rest, seconds=seconds, otherwise=lambda: self.unrest() or "it came to rest too late")

    def at_rest(self) -> bool:
        return not self.unrest()

    def unrest(self) -> str:
        """Say what still moves, "" when nothing does.

        Service is asked by service in the order of the flow: what was complete when it was asked stays complete.
        """
        try:
            open_files = "SELECT count(*) FROM interchanges WHERE status IN ('received', 'processing')"
            if unfinished := self.rows("ingest", open_files)[0][0]:
                return f"ingest: {unfinished} files not read"
            for service in SERVICES:
                if (status := self._client.get(f"{self.url(service)}/readyz").status_code) != HTTPStatus.OK:
                    return f"{service}-api is not ready: {status}"
                waiting = "SELECT count(*) FROM outbox WHERE xid > (SELECT last_xid FROM relay_position)"
                if unsent := self.rows(service, waiting)[0][0]:
                    return f"{service}: {unsent} events not sent"
                if unread := self.lag(service):
                    return f"{service}: {unread} records not dealt with"
        except (OSError, httpx.TransportError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaError) as error:
            return f"a server does not answer: {error!r}"  # it is just starting again
        return ""

    def lag(self, group: str) -> int:
        """Count the records that a group has not said to have dealt with, in all topics that it reads."""
        letters = f".{group}{SUFFIX}"  # a group's dead-letter topics stand beside the topics that it reads
        topics = [name.removesuffix(letters) for name in provision.wanted_topics() if name.endswith(letters)]

        async def ask() -> int:
            consumer = AIOKafkaConsumer(bootstrap_servers=self.stack.bootstrap, group_id=group, enable_auto_commit=False)
            await consumer.start()
            try:
                parts = _partitions(topics)
                consumer.assign(parts)
                ends = await consumer.end_offsets(parts)
                return sum([ends[part] - (await consumer.committed(part) or 0) for part in parts])
            finally:
                await consumer.stop()

        return int(run_apart(ask())) if topics else 0

    def ledgers(self, **period: str) -> dict[str, Any]:
        return {service: self.get(service, "/v1/ledger", **period) for service in SERVICES}

    def ledger(self, **period: str) -> dict[str, Any]:
        """Return the ledger on which the four services agree."""
        found = self.ledgers(**period)
        assert all(each == found["ingest"] for each in found.values()), found
        return dict(found["ingest"])

    def snapshot(self) -> dict[str, Any]:
        """Return everything that a repeated file must leave as it is: all tables' contents, and how many events went out.

        Follow-ups are told some seconds after what they are about: what is due is waited for.
        """
        eventually(lambda: not self.rows("ingest", "SELECT 1 FROM followup_watches WHERE look_at <= now() LIMIT 1"))
        self.come_to_rest()
        found: dict[str, Any] = {"topics": self.ends()}
        for service in SERVICES:
            for (table,) in self.rows(service, _TABLES):
                if table not in _OF_THE_POSTING | _OF_WHO_ASKED | _OF_THE_SCAN:
                    query = f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
                    found[f"{service}.{table}"] = tuple(self.rows(service, query)[0])
        return found

    def ends(self) -> dict[str, int]:
        """Return how many records each topic has."""
        counts: dict[str, int] = {}
        for part, end in self.offsets().items():
            counts[part.topic] = counts.get(part.topic, 0) + end
        return counts

    def offsets(self) -> dict[TopicPartition, int]:
        """Return the offset that each partition's next record gets."""

        async def ask() -> dict[TopicPartition, int]:
            consumer = AIOKafkaConsumer(bootstrap_servers=self.stack.bootstrap)
            await consumer.start()
            try:
                return dict(await consumer.end_offsets(_partitions(provision.wanted_topics())))
            finally:
                await consumer.stop()

        return dict(run_apart(ask()))

    def records(self, topic: str, since: Mapping[TopicPartition, int] | None = None) -> list[ConsumerRecord]:
        """Return all records of a topic, or those from some offsets on, each partition's in order."""

        async def read() -> list[ConsumerRecord]:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.stack.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
            )
            await consumer.start()
            try:
                parts = _partitions([topic])
                consumer.assign(parts)
                ends = await consumer.end_offsets(parts)
                found: list[ConsumerRecord] = []
                for part in parts:
                    consumer.seek(part, since[part]) if since else await consumer.seek_to_beginning(part)
                while any([await consumer.position(part) < ends[part] for part in parts]):
                    for records in (await consumer.getmany(timeout_ms=500)).values():
                        found += records
                return found
            finally:
                await consumer.stop()

        return list(run_apart(read()))


def _partitions(topics: Iterable[str]) -> list[TopicPartition]:
    wanted = provision.wanted_topics()
    return [TopicPartition(topic, part) for topic in topics for part in range(wanted[topic]["partitions"])]
