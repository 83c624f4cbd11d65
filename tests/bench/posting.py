"""Posting on a timetable and hearing what comes of it: a client that costs little, for what it measures shares its machine."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from aiokafka import AIOKafkaConsumer
from msgspec import Struct

from libs.common.contracts import denial_classified, remit_received
from libs.common.messaging import cloudevents

_REFUSED: Final = frozenset({429, 503})


class Post(Struct):
    """One POST: its body, the number of its first claim, and by which patient control numbers its denials will be known."""

    body: bytes
    first: int
    denied: tuple[str, ...]
    at: float = 0.0
    answered_at: float = 0.0
    refused: bool = False


class Client:
    """Posts 835s over connections that it keeps; the least of HTTP/1.1, whose answers have a length."""

    def __init__(self, url: str, token: str) -> None:
        told = urlsplit(url)
        self._host, self._port = told.hostname or "", told.port or 80
        self._head = (
            f"POST /v1/interchanges HTTP/1.1\r\nHost: {told.netloc}\r\nAuthorization: {token}\r\n"
            "Content-Type: application/edi-x12\r\nContent-Length: "
        ).encode()
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, post: Post) -> None:
        """Post it; note when that was, when it was answered, and whether it was refused for want of room. Errors: RuntimeError."""
        reader, writer = self._free.pop() if self._free else await asyncio.open_connection(self._host, self._port)
        post.at = time.time()
        writer.write(self._head + str(len(post.body)).encode() + b"\r\n\r\n" + post.body)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
        except (ConnectionError, asyncio.IncompleteReadError):  # refused before the body was taken
            post.refused = True
            return
        status = int(head.split(b" ", 2)[1])
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        post.answered_at = time.time()
        if b"connection: close" in head:
            writer.close()
        else:
            self._free.append((reader, writer))
        post.refused = status in _REFUSED  # said, not hidden in a mean
        if status >= 400 and not post.refused:
            raise RuntimeError(f"{status} to a post")

    async def close(self) -> None:
        for _, writer in self._free:
            writer.close()
            await writer.wait_closed()


async def post_steadily(client: Client, posts: Sequence[Post], posts_a_second: float) -> None:
    """Begin each post at its time, whatever became of those before it; return when all are answered."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for place, post in enumerate(posts):
            await asyncio.sleep(began + place / posts_a_second - time.monotonic())
            tasks.create_task(client.send(post))


class Heard(Struct):
    """A record of Kafka: the event, when the relay sent it and when Kafka handed it out, in seconds."""

    event_id: UUID
    sent_at: float
    taken_at: float
    value: bytes


class Ear:
    """Hears every event of some topics from now on."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.heard: dict[str, list[Heard]] = {}
        self._more = asyncio.Event()

    async def listen(self) -> None:
        while True:
            fetched: dict[Any, Any] = await self._consumer.getmany(timeout_ms=200)
            now = time.time()
            for partition, records in fetched.items():
                heard = self.heard.setdefault(partition.topic, [])
                for record in records:
                    id_ = cloudevents.read_attributes(record.headers).id if record.headers else UUID(int=record.offset)
                    heard.append(Heard(id_, record.timestamp / 1000, now, record.value))
            if fetched:
                self._more.set()

    def count(self, topic: str) -> int:
        return len(self.heard.get(topic, ()))

    async def until(self, topic: str, count: int, seconds: float) -> None:
        """Return when so many events of a topic were heard. Errors: TimeoutError."""
        async with asyncio.timeout(seconds):
            while self.count(topic) < count:
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def listening(bootstrap: str, *topics: str) -> AsyncIterator[Ear]:
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, auto_offset_reset="latest")
    await consumer.start()
    for partition in consumer.assignment():
        await consumer.position(partition)  # known before the first event, or that would be missed
    ear = Ear(consumer)
    task = asyncio.create_task(ear.listen())
    try:
        yield ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


TOPICS: Final = (remit_received.TOPIC, denial_classified.TOPIC)
