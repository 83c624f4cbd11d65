"""Changes a process from outside, on purpose: broken, so that the harness must notice, or hindered, so that nothing may be lost.

Python runs this at the start of each process. A file SERVICE-ROLE.WHAT in the folder that CHAOS_SABOTAGE names changes that process
when it next starts; without one nothing is touched. The product knows nothing of it.
"""

import asyncio
import importlib
import json
import os
import random
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

PAUSE_SECONDS = 0.7  # long against the rest of a batch: a kill mostly falls into it
_ROWS_TOGETHER = 20
_TIMES = 3


# -- broken


def no_inbox() -> None:
    """Deal again with whatever is read again; and offsets are late, so that much is."""
    consumer_class = _consumer_class()
    commit = consumer_class._commit

    async def admit(_: Any, events: Any) -> list[Any]:
        return list(events)

    async def late(self: Any, *arguments: Any) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        await commit(self, *arguments)

    importlib.import_module("libs.common.messaging.inbox").admit = admit  # type: ignore[attr-defined]  # a module, patched
    consumer_class._commit = late


def early_offsets() -> None:
    """Say that records are dealt with before they are."""
    consumer_class, kafka = _consumer_class(), importlib.import_module("aiokafka")
    deal_with = consumer_class._process_with_patience

    async def commit_first(self: Any, consumer: Any, records: Any) -> None:
        await consumer.commit({kafka.TopicPartition(record.topic, record.partition): record.offset + 1 for record in records})
        await asyncio.sleep(PAUSE_SECONDS)
        await deal_with(self, consumer, records)

    consumer_class._process_with_patience = commit_first


def naive_cursor() -> None:
    """Send what has a higher number than what was sent, whatever is still open: what commits late is never seen."""
    relay = importlib.import_module("libs.common.messaging.relay")
    everything = f"{relay._ROWS} WHERE xid > $1::text::xid8 ORDER BY outbox.xid FETCH FIRST ($2) ROWS WITH TIES"
    relay._WINDOW = everything  # type: ignore[attr-defined]  # a module, patched


# -- hindered


def slow() -> None:
    """Have records long in hand before they are dealt with, so that a halt falls there."""
    consumer_class = _consumer_class()
    deal_with = consumer_class._process_with_patience

    async def wait_first(self: Any, consumer: Any, records: Any) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        await deal_with(self, consumer, records)

    consumer_class._process_with_patience = wait_first


def out_of_order() -> None:
    """Send each window in pieces, every piece three times, in any order and with pauses."""
    relay_class = _relay_class()
    send = relay_class._send

    async def send_shuffled(self: Any, producer: Any, rows: Any) -> None:
        pieces = [rows[start : start + _ROWS_TOGETHER] for start in range(0, len(rows), _ROWS_TOGETHER)] * _TIMES
        random.shuffle(pieces)
        for piece in pieces:
            await send(self, producer, piece)
            await asyncio.sleep(random.uniform(0, 0.02))

    relay_class._send = send_shuffled


def newer() -> None:
    """Send what a later version sends: fields and headers that nobody knows yet, and beside each event its next version."""
    relay_class = _relay_class()
    send = relay_class._send

    async def send_newer(self: Any, producer: Any, rows: Any) -> None:
        await send(self, producer, [later for row in rows for later in _later(dict(row))])

    def _later(row: dict[str, Any]) -> list[_Row]:
        if not row["type"].endswith(".v1") or row["aggregatetype"].endswith(".dlq"):
            return [_Row(row)]
        told = json.dumps(json.loads(row["payload"]) | {"added_later": {"to": ["v1"]}}).encode()
        row |= {"payload": told, "headers": json.dumps(json.loads(row["headers"]) | {"ce_addedlater": "yes"})}
        second = {
            "type": row["type"].removesuffix("1") + "2",
            "id": uuid.uuid4(),
            "payload": json.dumps({"of": "version 2"}).encode(),
        }
        return [_Row(row), _Row(row | second)]

    relay_class._send = send_newer


class _Row(dict[str, Any]):
    """A row as the driver gives it: by place and by name, and its values in order."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else list(self.values())[key]


def clock() -> None:
    """Have all that tells the time of day told otherwise: by so many seconds as the folder's file `clock` says at that moment."""
    system_clock = importlib.import_module("libs.common.clock").SystemClock
    seconds, nanoseconds = time.time, time.time_ns

    def ahead() -> int:
        return int((_folder() / "clock").read_text())

    time.time = lambda: seconds() + ahead()
    time.time_ns = lambda: nanoseconds() + ahead() * 1_000_000_000
    system_clock.now = lambda _: datetime.now(UTC) + timedelta(seconds=ahead())


def _consumer_class() -> Any:
    return importlib.import_module("libs.common.messaging.consumer").Consumer


def _relay_class() -> Any:
    return importlib.import_module("libs.common.messaging.relay").Relay


def _folder() -> Path:
    return Path(os.environ["CHAOS_SABOTAGE"])


def change_as_told() -> None:
    command = sys.orig_argv
    if "CHAOS_SABOTAGE" not in os.environ or command[-1] not in ("worker", "api"):
        return
    name = f"{command[-2].removeprefix('services.')}-{command[-1]}"
    for what in (clock, no_inbox, early_offsets, naive_cursor, slow, out_of_order, newer):
        if (_folder() / f"{name}.{what.__name__}").exists():
            what()


change_as_told()
