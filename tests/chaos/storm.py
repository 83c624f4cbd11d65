"""Requests beyond all measure, from a process of its own: `python -m tests.chaos.storm URL PREFIX RATE SECONDS CONNECTIONS`.

Posts single claims at a rate (0: as fast as they are answered), the token from the environment; prints as JSON what became of each.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from itertools import count
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from services.ingest.claims.examples import PROFESSIONAL

_AWAY = 0
_PATIENCE_SECONDS = 30


class Shot(Struct, frozen=True):
    """One request: the account number that it names, its status (0: no answer), when it was sent and how long it took."""

    account: str
    status: int
    at: float
    seconds: float
    retry_after: str = ""


class _Storm:
    def __init__(self, url: str, prefix: str, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._prefix, self._token = prefix, token
        self._numbers = count(1)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.shots: list[Shot] = []

    async def shoot(self) -> None:
        account = f"{self._prefix}{next(self._numbers)}"
        somebody = PROFESSIONAL["subscriber"] | {"member_id": account}  # a claim is checked against all that its patient had before
        body = msgspec.json.encode(PROFESSIONAL | {"patient_control_number": account, "subscriber": somebody})
        head = (
            f"POST /v1/claims HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        at = time.monotonic()
        status, retry_after = _AWAY, ""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
                writer.write(head.encode() + body)
                answer = (await reader.readuntil(b"\r\n\r\n")).decode()
                told = dict(line.lower().split(": ", 1) for line in answer.split("\r\n")[1:-2])
                await reader.readexactly(int(told.get("content-length", "0")))
                status, retry_after = int(answer.split(" ", 2)[1]), told.get("retry-after", "")
                if told.get("connection") == "close":
                    writer.close()
                else:
                    self._idle.append((reader, writer))
        self.shots.append(Shot(account, status, at, time.monotonic() - at, retry_after))

    async def blow(self, rate: float, seconds: float, connections: int) -> None:
        end = time.monotonic() + seconds
        if not rate:
            await asyncio.gather(*(self._again_and_again(end) for _ in range(connections)))
            return
        under_way: set[asyncio.Task[None]] = set()
        at = time.monotonic()
        while at < end:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if len(under_way) < connections:
                task = asyncio.create_task(self.shoot())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            at += 1 / rate
        await asyncio.gather(*under_way)

    async def _again_and_again(self, end: float) -> None:
        while time.monotonic() < end:
            await self.shoot()


def main() -> None:
    url, prefix, rate, seconds, connections = sys.argv[1:]
    storm = _Storm(url, prefix, os.environ["STORM_TOKEN"])
    asyncio.run(storm.blow(float(rate), float(seconds), int(connections)))
    print(json.dumps([msgspec.to_builtins(shot) for shot in storm.shots]))


if __name__ == "__main__":
    main()
