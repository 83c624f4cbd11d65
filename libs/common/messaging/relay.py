"""The relay: moves outbox rows to Kafka, in order, and forgets nothing.

One relay a service is active, by an advisory lock; another takes over when its session ends. It reads only rows whose transaction
id is below every transaction of its database that still runs (a plain `id > last` loses rows that commit late), a window of whole
transactions at a time, and inside a window in sequence order. Its position moves only after the broker's acknowledgement: a crash
anywhere sends a window again and never skips one.

While one tenant's events fill whole windows, those of others that wait behind them go ahead. How far they went is known to this
process alone: after a crash they are sent again.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from libs.common import measures, telemetry
from libs.common.database import DRIVER_ERRORS, Database, is_transient
from libs.common.errors import Transient
from libs.common.messaging import cloudevents
from libs.common.messaging.brokers import OPEN, BrokerAccess
from libs.common.messaging.outbox import CHANNEL, RELAY_LOCK
from libs.common.messaging.overtaking import Overtaking, crowding
from libs.common.messaging.topics import partition_of

log = structlog.get_logger()

WINDOW_ROWS = 4000  # a window ends with the transaction that holds this row
_LOOK_WINDOWS = 5  # how many windows' rows are looked at for tenants that may go ahead
_POLL_SECONDS = 1.0  # for a notification that got lost
_FENCED_POLL_SECONDS = (0.002, 0.02)  # rows are there, an older transaction is still open: it may end without a notification
_TAKEOVER_SECONDS = 0.5
_BACKOFF_SECONDS_MAX = 3.0
_STUCK_SECONDS = 30.0  # for a window that takes a fraction of one: then both connections are made anew
# Of a relay whose host is lost, the server would hold the lock until TCP gives it up: for hours, maybe. One that lives asks
# something each second, but while it sends.
_GHOST_SECONDS = 45.0
_BATCH_BYTES = 1024 * 1024
_REQUEST_BYTES_MAX = 16 * 1024 * 1024

_ROWS = (
    "SELECT seq, xid::text AS position, tenant_id, aggregatetype, aggregateid, type, id, payload, headers, created_at FROM outbox"
)
_POSITION = "SELECT last_xid::text AS position FROM relay_position"
# The oldest transaction of this database that was still running, or else the first that had not begun. Those of other databases
# on the server write nothing here, and are not waited for; who they are is asked after the snapshot is taken, so that whoever has
# begun since is in none. One that no session is known for (prepared) counts as ours. The list is read only if any is running.
_FENCE = """(
    SELECT COALESCE((
        SELECT min(running) FROM pg_snapshot_xip(seen) AS running WHERE running::xid <> ALL (ARRAY(
            SELECT backend_xid FROM pg_stat_get_activity(NULL)
            WHERE backend_xid IS NOT NULL AND datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
        ))
    ), pg_snapshot_xmax(seen)) FROM pg_current_snapshot() AS seen
)"""
# The alias must not be `xid`: ORDER BY would take the text, and '10000' sorts before '9999'.
# One walk along the index of xids, to the end of the transaction that holds the last row; the order inside is made here.
_WINDOW = f"""{_ROWS}
WHERE xid > $1::text::xid8 AND xid < {_FENCE}
ORDER BY outbox.xid FETCH FIRST ($2) ROWS WITH TIES
"""
# What a tenant has there, or all but some have, looking at no more rows than asked for.
_LOOK_END = f"""
SELECT COALESCE(
    (SELECT xid FROM outbox WHERE xid > $1::text::xid8 AND xid < fence ORDER BY outbox.xid OFFSET $2 LIMIT 1), fence
)::text FROM {_FENCE} AS told (fence)
"""  # noqa: S608 - our own
_AHEAD = f"""{_ROWS}
WHERE xid > $1::text::xid8 AND xid < $2::text::xid8 AND (tenant_id = ANY ($3)) = $4
ORDER BY outbox.xid FETCH FIRST ($5) ROWS WITH TIES
"""
_LAST = "SELECT xid::text FROM outbox ORDER BY outbox.xid DESC LIMIT 1"
_ADVANCE = f"WITH moved AS (UPDATE relay_position SET last_xid = $1::text::xid8, moved_at = now()) {_LAST}"  # noqa: S608 - our own
# An outbox grows too fast for its statistics: guessed at, it is read through and sorted whole. The index is always the way.
# Planned once: planning for all partitions costs more than what a short window does.
_BY_INDEX = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan"
_LOCK = f"SELECT pg_try_advisory_lock({RELAY_LOCK})"

_by_sequence = itemgetter(0)


_Record = tuple[bytes, bytes, list[tuple[str, bytes]]]  # key, value, headers


class Relay:
    """Sends one service's outbox to Kafka until it is stopped. `source` is the `ce_source` of its events."""

    def __init__(
        self, database: Database, *, bootstrap: str, source: str, access: BrokerAccess = OPEN, window_rows: int = WINDOW_ROWS
    ) -> None:
        self._database = database
        self._bootstrap, self._access = bootstrap, access
        self._source = source.encode()
        self._window_rows = window_rows
        self._wake = asyncio.Event()
        self._partitions: dict[str, int] = {}
        self._overtaking: Overtaking | None = None
        self.sent = 0
        self._waiting = True
        self._active = False
        measures.RELAY_ACTIVE.ask(lambda: [(float(self._active), {})])

    async def check(self) -> None:
        """Errors: Transient while it is neither active nor standing by for the active one."""
        if self._waiting:
            raise Transient("relay_waits")

    async def run(self) -> None:
        """Work for ever; what is transient is waited out with a capped backoff, anything else raises."""
        backoff = 0.1
        while True:
            began = time.monotonic()
            try:
                await self._run_while_connected()
            except (KafkaError, Transient, OSError, *DRIVER_ERRORS) as error:
                if not (isinstance(error, KafkaError) or is_transient(error)):
                    raise
                if time.monotonic() - began > _BACKOFF_SECONDS_MAX:
                    backoff = 0.1
                self._waiting = True
                log.warning("relay_waits", error=type(error).__name__, seconds=backoff)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _BACKOFF_SECONDS_MAX)

    async def _run_while_connected(self) -> None:
        connection = await self._database.connect_alone()
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            **self._access.options(),
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",  # aiokafka's lz4 is fixed at its slowest level
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES_MAX,
            request_timeout_ms=10_000,
            metadata_max_age_ms=60_000,
        )
        try:
            while not await connection.fetchval(_LOCK):
                self._waiting = False  # standing by is in order
                await asyncio.sleep(_TAKEOVER_SECONDS)
            # Lost between a statement's messages, a session counts as active, and what it is in as a transaction.
            for limit in ("idle_session_timeout", "transaction_timeout"):
                await connection.execute(f"SET {limit} = '{_GHOST_SECONDS:g}s'")
            await connection.execute(_BY_INDEX)
            # A position that a crash of the server takes back is sent from again: no reason to wait for the disk.
            await connection.execute("SET synchronous_commit = off")
            await connection.add_listener(CHANNEL, lambda *_: self._wake.set())
            connection.add_termination_listener(lambda _: self._wake.set())
            await producer.start()
            self._waiting, self._active = False, True
            log.info("relay_active")
            await self._drain_for_ever(connection, producer)
        finally:
            self._active = False
            # A producer that cannot reach its broker would wait for it in vain; the rows are still in the outbox.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(5):
                    await producer.stop()
            connection.terminate()

    async def _drain_for_ever(self, connection: "asyncpg.Connection[Any]", producer: AIOKafkaProducer) -> None:
        position: str = await connection.fetchval(_POSITION)
        self._overtaking = None
        fenced, more = _FENCED_POLL_SECONDS[0], True
        while True:
            woken = self._wake.is_set()
            self._wake.clear()
            rows = await connection.fetch(_WINDOW, position, self._window_rows) if woken or more else []
            if rows:
                await self._send(producer, self._unsent(rows))
                position = rows[-1]["position"]
                last = await connection.fetchval(_ADVANCE, position)
                await self._let_overtake(connection, producer, position, rows)
            else:
                last = await connection.fetchval(_LAST)
            more = last is not None and int(last) > int(position)
            if rows and more:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(fenced if more else _POLL_SECONDS):
                    await self._wake.wait()
            fenced = min(fenced * 2, _FENCED_POLL_SECONDS[1]) if more else _FENCED_POLL_SECONDS[0]

    def _unsent(self, rows: Sequence[Any]) -> Sequence[Any]:
        gone = self._overtaking
        return rows if gone is None else [row for row in rows if not gone.is_sent(row["tenant_id"], int(row["position"]))]

    async def _let_overtake(
        self, connection: "asyncpg.Connection[Any]", producer: AIOKafkaProducer, position: str, rows: Sequence[Any]
    ) -> None:
        """Send a window of each lane that goes ahead of a tenant that fills the relay's own."""
        if self._overtaking is not None and self._overtaking.is_over(int(position)):
            self._overtaking = None
        if len(rows) < self._window_rows:
            return  # nothing waits behind them
        if self._overtaking is None:
            flood = crowding([row["tenant_id"] for row in rows])
            if flood is None:
                return
            self._overtaking = Overtaking(int(position), flood)
        self._overtaking.keep_up(int(position))
        for lane in self._overtaking.lanes:
            end = await connection.fetchval(_LOOK_END, str(lane.position), _LOOK_WINDOWS * self._window_rows)
            whose = (self._overtaking.apart, False) if lane.tenant is None else ([lane.tenant], True)
            ahead = await connection.fetch(_AHEAD, str(lane.position), end, *whose, self._window_rows)
            await self._send(producer, ahead)
            if len(ahead) < self._window_rows:
                lane.position = int(end) - 1
                continue
            lane.position = int(ahead[-1]["position"])
            crowd = crowding([row["tenant_id"] for row in ahead])
            if lane.tenant is None and crowd is not None:
                self._overtaking.separate(crowd)

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[Any]) -> None:
        """Send a window in prebuilt batches, one chain a partition, and return when the broker has all of it."""
        began = time.perf_counter()
        by_partition: dict[tuple[str, int], list[_Record]] = defaultdict(list)
        for _, _, _, topic, key, type_, event_id, payload, kept, _ in sorted(rows, key=_by_sequence):
            count = self._partitions.get(topic) or await self._count_partitions(producer, topic)
            routed_by = key.encode()
            headers = cloudevents.write_headers(event_id, self._source, type_, routed_by, kept)
            by_partition[topic, partition_of(routed_by, count)].append((routed_by, payload, headers))
        with telemetry.send_span(self._source.decode(), len(rows), (row["headers"] for row in rows)):
            await self._send_all(producer, by_partition)
        self.sent += len(rows)
        if rows:
            _count(by_partition, rows[0]["created_at"], time.perf_counter() - began)

    async def _send_all(self, producer: AIOKafkaProducer, by_partition: Mapping[tuple[str, int], Sequence[_Record]]) -> None:
        async with asyncio.timeout(_STUCK_SECONDS):
            await asyncio.gather(
                *(self._send_in_order(producer, topic, partition, part) for (topic, partition), part in by_partition.items())
            )

    async def _count_partitions(self, producer: AIOKafkaProducer, topic: str) -> int:
        self._partitions[topic] = len(await producer.partitions_for(topic))
        return self._partitions[topic]

    @staticmethod
    async def _send_in_order(producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[_Record]) -> None:
        sent = []
        batch = producer.create_batch()
        now_ms = time.time_ns() // 1_000_000
        for key, value, headers in records:
            if batch.append(timestamp=now_ms, key=key, value=value, headers=headers) is None:
                batch.close()  # full: it goes, the next one begins with this record
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(timestamp=now_ms, key=key, value=value, headers=headers)
        batch.close()
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)


def _count(sent: Mapping[tuple[str, int], Sequence[_Record]], oldest_at: datetime, seconds: float) -> None:
    kafka = {"messaging.system": "kafka"}
    by_topic: Counter[str] = Counter()
    for (topic, _), records in sent.items():
        by_topic[topic] += len(records)
    for topic, count in by_topic.items():
        measures.SENT.add(count, {**kafka, "messaging.destination.name": topic})
    measures.WINDOW_SIZE.record(by_topic.total())
    measures.SEND_DURATION.record(seconds, {**kafka, "messaging.operation.name": "send"})
    measures.OUTBOX_DELAY.record(max(0.0, time.time() - oldest_at.timestamp()))
