"""The consumer: batches in, one transaction each (inbox rows, state, outbox rows), offsets committed after it, once a second.

Three kinds of failure, no fourth. Permanent: the record becomes a dead letter and its batch goes on. Transient: partitions
paused, capped backoff, unlimited patience. Bug: every record of the batch alone, the failing one once more, then the process
ends with nothing committed.
"""

import asyncio
import builtins
import faulthandler
import functools
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, KafkaTimeoutError
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common import measures, telemetry
from libs.common.clock import Clock
from libs.common.contracts.envelope import MAX_EVENT_BYTES, Event, Received
from libs.common.database import Database, is_transient
from libs.common.errors import Permanent, Transient
from libs.common.messaging import cloudevents, dead_letters, inbox, outbox
from libs.common.messaging.brokers import OPEN, BrokerAccess
from libs.common.metrics import Told
from libs.common.pace import rest
from libs.common.tenants.store import erased_among

log = structlog.get_logger()

Handler = Callable[[AsyncConnection, Sequence[Received[Any]], datetime], Awaitable[Sequence[Event]]]
# Called with a batch of all its types before the first handler. Locks what it is about: locked type by type, two workers with each
# other's rows would wait for each other. Or keeps it for others as it came.
Hold = Callable[[AsyncConnection, Sequence[Received[Any]]], Awaitable[None]]

BATCH_RECORDS = 1000
_FETCH_WAIT_MS = 500
_GATHER_SECONDS = 0.1
_GATHER_BYTES = 64 * 1024  # some hundred events as they lie at the broker: a patient consumer waits for no more
_COMMIT_SECONDS = 1.0  # offsets are a place to begin again from; the inbox knows what was done since
_COMMIT_SECONDS_MAX = 30.0  # the client tries for ever, also when it is closing and no longer looks for a broker
_BACKOFF_SECONDS_MAX = 3.0  # at most this long after its return nobody has noticed it
# The client asks again who leads a partition when it is told that it asked the wrong broker; but not where it looks for a place to
# begin (aiokafka 0.14): there it goes on asking the same one until this time is over.
_LEADERS_KNOWN_MS = 3_000
_STUCK_SECONDS = 120  # a batch takes well under a second; a process that hangs this long is better dead
_WATCH_SECONDS = 12.0  # each time that it is put off, the watch ends a thread and starts another
_PARTITION_FETCH_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Subscription:
    """One type of event that a group consumes: its topic, the narrow struct it is read into, and who handles it."""

    topic: str
    type: str
    schema: "builtins.type[Struct]"
    handle: Handler
    decoder: msgspec.json.Decoder[Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder", msgspec.json.Decoder(self.schema))

    def is_older_than(self, type_: str) -> bool:
        """Say whether `type_` is a newer version of this type: one to skip, its producer is ahead of us."""
        name, _, version = type_.rpartition(".v")
        own_name, _, own_version = self.type.rpartition(".v")
        # Compared as numbers, without reading a number of any length.
        return name == own_name and version.isdecimal() and (len(version), version) > (len(own_version), own_version)


@dataclass
class Decoded:
    """A batch after its one decode pass, in the order of its partitions' offsets."""

    events: list[tuple[ConsumerRecord, Received[Any]]] = field(default_factory=list)
    rejected: list[tuple[ConsumerRecord, str]] = field(default_factory=list)
    skipped: int = 0


def member_name(instance: str | None, topics: Sequence[str]) -> str | None:
    """Return the static member's name at the broker; None for a member that has none.

    A broker gives a static member that comes back what it had, whatever it subscribes to by now: an upgrade that reads one more
    topic would get nothing of it. So the topics are part of the name.
    """
    if instance is None:
        return None
    return f"{instance}-{hashlib.sha256(' '.join(sorted(topics)).encode()).hexdigest()[:8]}"


class Consumer:
    """One member of a consumer group. Stopped by cancelling `run`."""

    def __init__(
        self,
        group: str,
        subscriptions: Sequence[Subscription],
        database: Database,
        *,
        bootstrap: str,
        access: BrokerAccess = OPEN,
        clock: Clock,
        instance: str | None = None,
        hold: Hold | None = None,
        batch_records: int = BATCH_RECORDS,
        limit: dead_letters.DeadLetterLimit | None = None,
        patient: bool = False,
    ) -> None:
        """`patient`: what comes in drops is gathered at the broker, for half a second at most."""
        self._group = group
        self._subscriptions = {subscription.type: subscription for subscription in subscriptions}
        self._database = database
        self._bootstrap, self._access = bootstrap, access
        self._clock = clock
        self._instance = instance
        self._hold = hold
        self._batch_records = batch_records
        self._limit = limit or dead_letters.DeadLetterLimit()
        self._patient = patient
        self._in_hand = asyncio.Lock()
        self._done: dict[TopicPartition, int] = {}  # offsets of what is in the database and not yet committed
        self._connected = False
        self.waiting_since: datetime | None = None  # set while something transient is waited out
        self.processed = 0
        self._oldest_ms: int | None = None  # when the oldest record in hand was sent
        self._told = {"messaging.system": "kafka", "messaging.consumer.group.name": group}
        measures.BEHIND_SECONDS.ask(self._behind)
        measures.WAITING.ask(self._waited)

    async def run(self) -> None:
        """Consume for ever. Errors: whatever a handler's bug raised; the process is expected to end by it."""
        topics = sorted({subscription.topic for subscription in self._subscriptions.values()})
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                **self._access.options(),
                group_id=self._group,
                group_instance_id=member_name(self._instance, topics),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
                fetch_max_wait_ms=_FETCH_WAIT_MS,
                fetch_min_bytes=_GATHER_BYTES if self._patient else 1,
                session_timeout_ms=10_000,
                metadata_max_age_ms=_LEADERS_KNOWN_MS,
                max_poll_interval_ms=_STUCK_SECONDS * 1000,
            )
            consumer.subscribe(topics, listener=_Handover(functools.partial(self._hand_over, consumer)))
            try:
                _watch()
                await consumer.start()
                self._connected, self.waiting_since = True, None
                await self._consume_for_ever(consumer)
            except KafkaError as error:
                self._note_wait(error)
            finally:
                _watch()
                try:
                    await consumer.stop()
                finally:
                    faulthandler.cancel_dump_traceback_later()
            await asyncio.sleep(1)

    async def check(self) -> None:
        """Errors: Transient while something is waited out, or before the first connection."""
        if not self._connected or self.waiting_since is not None:
            raise Transient("consumer_waits")

    def _behind(self) -> Told:
        seconds = 0.0 if self._oldest_ms is None else max(0.0, self._clock.now().timestamp() - self._oldest_ms / 1000)
        return [(seconds, self._told)]

    def _waited(self) -> Told:
        since = self.waiting_since
        return [(0.0 if since is None else (self._clock.now() - since).total_seconds(), self._told)]

    def _note_wait(self, error: BaseException) -> None:
        if self.waiting_since is None:
            self.waiting_since = self._clock.now()
        cause = error.__cause__ or error
        log.warning("consumer_waits", group=self._group, error=type(cause).__name__)

    async def _consume_for_ever(self, consumer: AIOKafkaConsumer) -> None:
        self._done.clear()
        loop = asyncio.get_running_loop()
        commit_at = watch_at = worked = 0.0
        while True:
            if loop.time() >= watch_at:
                _watch()
                watch_at = loop.time() + _WATCH_SECONDS
            # Not in hand yet: what is fetched while a rebalance begins waits for its end, and that waits for what is in hand. No
            # rebalance can begin between the two lines: the lock is free, or `_hand_over` has it and nothing is given out.
            fetched = await consumer.getmany(timeout_ms=_FETCH_WAIT_MS, max_records=self._batch_records)
            async with self._in_hand:  # a rebalance waits for the batch in hand
                records = [record for part in fetched.values() for record in part]
                self._oldest_ms = min((part[0].timestamp for part in fetched.values()), default=None)
                if records:
                    began = loop.time()
                    await self._process_with_patience(consumer, records)
                    worked = loop.time() - began
                    self._done |= {partition: part[-1].offset + 1 for partition, part in fetched.items()}
                    self._count(fetched)
                if not records or loop.time() >= commit_at:
                    await self._commit(consumer)
                    commit_at = loop.time() + _COMMIT_SECONDS
            self.processed += len(records)
            if records and len(records) < self._batch_records and not self._patient:
                await rest(worked, _GATHER_SECONDS)

    def _count(self, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        by_topic: Counter[str] = Counter()
        for partition, part in fetched.items():
            by_topic[partition.topic] += len(part)
        measures.BATCH_SIZE.record(by_topic.total(), self._told)
        for topic, count in by_topic.items():
            measures.CONSUMED.add(count, {**self._told, "messaging.destination.name": topic})

    async def _hand_over(self, consumer: AIOKafkaConsumer) -> None:
        """Let the batch in hand finish before its partitions go to another member, and tell that one where to begin."""
        async with self._in_hand:
            await self._commit(consumer)

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        if not self._done:
            return
        try:
            async with asyncio.timeout(_COMMIT_SECONDS_MAX):
                await consumer.commit(self._done)
        except TimeoutError as error:
            raise KafkaTimeoutError("offsets not committed") from error
        except (CommitFailedError, IllegalStateError):
            # The partitions moved on while the batch was in hand: their new owner reads it again, the inbox skips it.
            log.warning("offsets_not_committed", group=self._group)
        self._done.clear()

    async def _process_with_patience(self, consumer: AIOKafkaConsumer, records: Sequence[ConsumerRecord]) -> None:
        backoff = 0.1
        paused: set[TopicPartition] = set()
        while True:
            try:
                await self.process(records)
                break
            except Exception as error:  # the one broad except: a transient failure waits, a bug is isolated below
                if not is_transient(error):
                    raise
                self._note_wait(error)
            if not paused:
                paused = set(consumer.assignment())
                consumer.pause(*paused)
            _watch()  # waiting is not being stuck
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _BACKOFF_SECONDS_MAX)
        self.waiting_since = None
        still_ours = paused & set(consumer.assignment())
        if still_ours:
            consumer.resume(*still_ours)

    async def process(self, records: Sequence[ConsumerRecord]) -> None:
        """Deal with a batch in one transaction; a record that breaks it is found by dealing with each alone."""
        decoded = self._decode(records)
        try:
            await self._transact(decoded)
        except dead_letters.TooManyDeadLetters:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("batch_failed", group=self._group, records=len(records))
            for record in records:
                await self._process_alone(record)

    async def _process_alone(self, record: ConsumerRecord) -> None:
        decoded = self._decode([record])
        for attempt in (1, 2):
            try:
                await self._transact(decoded)
            except Permanent as error:
                await self._transact(Decoded(rejected=[(record, error.reason)]))
            except dead_letters.TooManyDeadLetters:
                raise
            except Exception as error:
                if is_transient(error) or attempt == 2:  # noqa: PLR2004 - the second and last
                    raise
                log.exception(
                    "record_failed",
                    group=self._group,
                    topic=record.topic,
                    partition=record.partition,
                    offset=record.offset,
                )
                continue
            return

    async def _transact(self, decoded: Decoded) -> None:
        events = [event for _, event in decoded.events]
        with telemetry.batch_span(self._group, events) as span, self._timed():
            now = self._clock.now()
            async with self._database.begin() as tx:
                admitted = await inbox.admit(tx, [span.carry(event) for event in events])
                fresh = await _of_standing_tenants(tx, admitted)
                if fresh and self._hold is not None:
                    await self._hold(tx, fresh)
                for subscription in self._subscriptions.values():
                    own = [event for event in fresh if event.type == subscription.type]
                    if own:
                        await outbox.append(tx, await _handle(subscription, tx, own, now))
                buried = await self._bury(tx, decoded)
            # What is counted is committed.
            if len(admitted) < len(events):
                measures.DUPLICATES.add(len(events) - len(admitted), self._told)
            if len(fresh) < len(admitted):
                measures.DROPPED.add(len(admitted) - len(fresh), self._told)
                log.warning("events_of_erased_tenants_dropped", group=self._group, count=len(admitted) - len(fresh))
            for (topic, reason), count in Counter((record.topic, reason) for record, reason in buried).items():
                measures.DEAD_LETTERS.add(count, {**self._told, "messaging.destination.name": topic, "error.type": reason})

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began, failed = time.perf_counter(), {}
        try:
            yield
        except Exception as error:
            failed = {"error.type": _kind_of(error)}
            raise
        finally:
            measures.PROCESS_DURATION.record(time.perf_counter() - began, {**self._told, **failed})

    async def _bury(self, tx: AsyncConnection, decoded: Decoded) -> Sequence[tuple[ConsumerRecord, str]]:
        """Write dead letters, each once, however often its record is read; return those. Errors: TooManyDeadLetters."""
        rejected = decoded.rejected
        # Counted here, in a transaction that has come this far: a batch that waits for a broken database counts once.
        self._limit.check(rejected=len(rejected), seen=len(rejected) + len(decoded.events) + decoded.skipped)
        if not rejected:
            return []
        source = f"dead-letters/{self._group}"
        keys = [(dead_letters.dead_letter_id(record, self._group), source) for record, _ in rejected]
        fresh = await inbox.admit_ids(tx, keys)
        told = [each for each, key in zip(rejected, keys, strict=True) if key in fresh]  # in the order of their records
        rows = [dead_letters.outbox_row(record, reason, self._group) for record, reason in told]
        gone = await erased_among(tx, {tenant_id for _, tenant_id, *_ in rows})
        await outbox.append_rows(tx, [row for row in rows if row[1] not in gone])
        log.warning("dead_letters", group=self._group, count=len(fresh), reasons=sorted({reason for _, reason in rejected}))
        return told

    def _decode(self, records: Sequence[ConsumerRecord]) -> Decoded:
        decoded = Decoded()
        for record in records:
            try:
                event = self._decode_one(record)
            except Permanent as error:
                decoded.rejected.append((record, error.reason))
                continue
            if event is None:
                decoded.skipped += 1
            else:
                decoded.events.append((record, event))
        return decoded

    def _decode_one(self, record: ConsumerRecord) -> Received[Any] | None:
        if len(record.value or b"") > MAX_EVENT_BYTES:
            raise Permanent("too_large")
        attributes = cloudevents.read_attributes(record.headers)
        subscription = self._subscriptions.get(attributes.type)
        if subscription is None:
            if any(known.is_older_than(attributes.type) for known in self._subscriptions.values()):
                return None
            raise Permanent("unknown_type")
        if subscription.topic != record.topic:
            raise Permanent("wrong_topic")
        return cloudevents.receive(attributes, record.key, record.value, subscription.decoder)


async def _handle(
    subscription: Subscription, tx: AsyncConnection, events: Sequence[Received[Any]], now: datetime
) -> Sequence[Event]:
    began = time.perf_counter()
    caused = await subscription.handle(tx, events, now)
    measures.HANDLER_DURATION.record(time.perf_counter() - began, {"recours.event.type": subscription.type})
    return caused


def _kind_of(error: Exception) -> str:
    if is_transient(error):
        return "transient"
    return "permanent" if isinstance(error, Permanent) else "bug"


async def _of_standing_tenants(tx: AsyncConnection, admitted: list[Received[Any]]) -> list[Received[Any]]:
    """Return the events but for those of tenants that are erased.

    Asked after the inbox has written: who erases a tenant waits for the transactions that write, of which this one is then one.
    """
    gone = await erased_among(tx, {event.tenant_id for event in admitted}) if admitted else frozenset()
    return [event for event in admitted if event.tenant_id not in gone] if gone else admitted


def _watch() -> None:
    """End the process, with the stacks of all its threads in the log, unless this is called again in time: it makes no progress."""
    faulthandler.dump_traceback_later(_STUCK_SECONDS, exit=True)


class _Handover(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Has what is in hand brought to an end before partitions go to another member."""

    def __init__(self, hand_over: Callable[[], Awaitable[None]]) -> None:
        self._hand_over = hand_over

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        if revoked:
            await self._hand_over()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        log.info("partitions_assigned", count=len(assigned))
