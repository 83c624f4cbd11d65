"""Receivers of webhooks on this machine, and what they are to be told, queued for certain."""

import asyncio
import contextlib
from typing import Self

from libs.common.clock import Clock
from libs.common.database import Database
from services.analytics.webhooks.fanning import FanOut


async def queue_all(database: Database, clock: Clock) -> None:
    """Queue all that is new, and what replays ask for. Other tests' transactions hold up what is told, as anybody's do."""
    fanning = FanOut(database, clock)
    async with asyncio.timeout(60):
        while await fanning.queue_some() is not None:  # noqa: ASYNC110 - what holds it up tells nobody
            await asyncio.sleep(0.02)


class Hook:
    """Somebody else's address on this machine: keeps what is posted, and answers as it is told to, or not at all."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.answers = True

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                told = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
                headers = {name.lower(): value for name, value in told.items()}
                self.received.append((headers, await reader.readexactly(int(headers["content-length"]))))
                if not self.answers:
                    await asyncio.sleep(3600)
                writer.write(b"HTTP/1.1 %d Told\r\nContent-Length: 0\r\n\r\n" % self.status)
        writer.close()
