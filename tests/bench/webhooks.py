"""What webhooks cost: posts a second and CPU of each, and what analytics' own intake loses by them, as ratios in one run.

`python -m tests.bench webhooks [--rounds N]`. Batches of 2,000 remits go through the consumer's handlers as they are; with what
keeps events for webhooks, while nobody subscribed; while one subscribed to all of them; and while the process beside it queues and
posts them to eight receivers (a process of their own, on loopback). Kinds take turns at random: load is alike for all.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from libs.common.contracts.envelope import Received
from libs.common.database import Database, driver
from services.analytics import events, handlers
from services.analytics.webhooks import messages, store
from services.analytics.webhooks.rules import EventType
from tests.bench.analytics_intake import BATCH, NOW, remit
from tests.bench.meter import Meter, tell
from tests.bench.servers import own_database

_ROUNDS: Final = 6
_RECEIVERS: Final = 8
_POSTS: Final = 4_000
_TYPE: Final[EventType] = "remit.received"
_RECEIVER: Final = """
import asyncio, sys
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\\r\\n")[0])
            await reader.readexactly(size)
            writer.write(b"HTTP/1.1 204 Told\\r\\nContent-Length: 0\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def _batch(start: int) -> list[Received[events.ReceivedRemit]]:
    remits = [remit(number) for number in range(start, start + BATCH)]
    return [replace(each, value=msgspec.json.encode(each.data, enc_hook=str)) for each in remits]


async def _take(database: Database, batch: list[Received[Any]], *, keeps: bool) -> float:
    began = time.perf_counter()
    async with database.begin() as tx:
        if keeps:
            await messages.keep_events(tx, batch)
        await handlers.handle_remits(tx, batch, NOW)
    return time.perf_counter() - began


async def _subscribe(database: Database, urls: list[str]) -> None:
    async with database.begin() as tx:
        for url in urls:
            await store.insert(tx, store.Webhook("local", uuid4(), url, [_TYPE], b"k" * 32, datetime.now(UTC), "bench"))


async def _clear(database: Database) -> None:
    async with database.begin() as tx:
        connection = await driver(tx)
        for table in ("webhooks", "webhook_messages"):
            await connection.execute(f"DELETE FROM {table}")


async def _left(database: Database) -> int:
    async with database.begin() as tx:
        query = (
            "SELECT (SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting')"
            " + (SELECT count(*) FROM webhook_messages WHERE sequence IS NULL)"
        )
        return int(await (await driver(tx)).fetchval(query))


async def _posts(database: Database) -> int:
    async with database.begin() as tx:
        query = "SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'"
        return int(await (await driver(tx)).fetchval(query))


async def _measure(url: str, pids: Mapping[str, int], receiver: str, rounds: int) -> dict[str, float]:
    database = Database(url)
    seconds: dict[str, list[float]] = {"plain": [], "unsubscribed": [], "subscribed": [], "posting": []}
    await _take(database, _batch(0), keeps=False)  # plans and pages, once for all
    kinds = ["plain", "unsubscribed", "subscribed"]
    for _ in range(rounds):
        for kind in random.sample(kinds, len(kinds)):
            if kind == "subscribed":
                await _subscribe(database, [receiver])
            seconds[kind].append(await _take(database, _batch(0), keeps=kind != "plain"))
            await _clear(database)
    await _clear(database)
    await _subscribe(database, [f"{receiver}{number}" for number in range(_RECEIVERS)])
    await _take(database, _batch(0), keeps=True)  # posts begin with it
    posting = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.analytics.webhooks", stdin=asyncio.subprocess.PIPE, env=_environment(url)
    )
    pids = {**pids, "webhooks": posting.pid}
    while not await _posts(database):  # noqa: ASYNC110 - the posts are others' work
        await asyncio.sleep(0.1)
    began = time.perf_counter()
    before = await _posts(database)
    for _ in range(rounds):
        seconds["posting"].append(await _take(database, _batch(0), keeps=True))
    beside = (await _posts(database) - before) / (time.perf_counter() - began)
    alone = await _alone(database, dict(pids))
    posting.kill()
    await posting.wait()
    await database.close()
    found = {f"intake_ratio_{name}": round(median(seconds["plain"]) / median(told), 3) for name, told in seconds.items()}
    return found | {"posts_per_second_beside_intake": round(beside), **alone}


async def _alone(database: Database, pids: dict[str, int]) -> dict[str, float]:
    """Return what posting costs while nothing else is done."""
    meter, before = Meter(pids), await _posts(database)
    began = time.perf_counter()
    while (posts := await _posts(database) - before) < _POSTS and await _left(database):  # noqa: ASYNC110 - the posts are others' work
        await asyncio.sleep(0.5)
    spent, cpu_spent = time.perf_counter() - began, meter.end()
    return {
        "posts_per_second_alone": round(posts / spent),
        **{f"post_cpu_us_{name}": round(each["cpu_seconds"] * 1e6 / posts) for name, each in cpu_spent.items()},
    }


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, "RECOURS_DATABASE_URL": url, "RECOURS_WEBHOOK_LOOPBACK": "true", "RECOURS_KAFKA": "unused:1"}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench webhooks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    rounds = parser.parse_args(arguments).rounds
    receiver = subprocess.Popen([sys.executable, "-c", _RECEIVER], stdout=subprocess.PIPE, text=True)
    try:
        assert receiver.stdout is not None
        port = int(receiver.stdout.readline())
        with own_database("analytics") as (stack, urls):
            pids = {"postgres": pid} if (pid := stack.pid("postgres")) is not None else {}
            tell("webhooks", asyncio.run(_measure(urls["worker"], pids, f"http://127.0.0.1:{port}/", rounds)))
    finally:
        receiver.kill()
