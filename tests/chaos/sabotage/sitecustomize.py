"""Breaks a worker on purpose, from outside: what the harness must notice. Python runs this at the start of each process.

A file SERVICE.WHAT in the folder that CHAOS_SABOTAGE names breaks that service's worker when it next starts; without one nothing
is touched. The product knows nothing of it.
"""

import asyncio
import importlib
import os
import sys
from pathlib import Path
from typing import Any

PAUSE_SECONDS = 0.7  # long against the rest of a batch: a kill mostly falls into it


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


def slow() -> None:
    """No fault, only slow: records are long in hand before they are dealt with, so that a halt falls there."""
    consumer_class = _consumer_class()
    deal_with = consumer_class._process_with_patience

    async def wait_first(self: Any, consumer: Any, records: Any) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        await deal_with(self, consumer, records)

    consumer_class._process_with_patience = wait_first


def _consumer_class() -> Any:
    return importlib.import_module("libs.common.messaging.consumer").Consumer


def break_as_told() -> None:
    folder, command = os.environ.get("CHAOS_SABOTAGE"), sys.orig_argv
    if folder is None or command[-1] != "worker":
        return
    service = command[-2].removeprefix("services.")
    for what in (no_inbox, early_offsets, slow):
        if (Path(folder) / f"{service}.{what.__name__}").exists():
            what()


break_as_told()
