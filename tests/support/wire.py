"""A wire of some length: what comes in at one end comes out at the other so many milliseconds later, each way.

`python -m tests.support.wire LISTEN TARGET MILLISECONDS`

Ports of the loopback address. Everything is late by the same time and nothing is slower for it, as with hosts apart (and with the
kernel's netem, which not every kernel has): many pieces are under way at once. It runs as a process, so that it takes no time of
those it connects.
"""

import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop


class _End(asyncio.Protocol):
    """One end of a connection: what it hears goes out at the other, later."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[bytes] = deque()  # in the order in which it came; b"" is the end
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._send(b"")

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def _send(self, data: bytes) -> None:
        self._under_way.append(data)
        self._loop.call_later(self._delay_seconds, self._arrive)

    def _arrive(self) -> None:
        data = self._under_way.popleft()
        if self.other is None or self.other.transport is None or self.other.transport.is_closing():
            return
        if data:
            self.other.transport.write(data)
        else:
            self.other.transport.close()


class _Near(_End):
    """The end at which somebody connected: what it hears before the far one is open waits for that."""

    def __init__(self, target: int, delay_seconds: float) -> None:
        super().__init__(delay_seconds)
        self._target = target
        self._early: list[bytes] | None = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = asyncio.ensure_future(self._open())

    def _send(self, data: bytes) -> None:
        if self._early is None:
            super()._send(data)
        else:
            self._early.append(data)

    async def _open(self) -> None:
        far = _End(self._delay_seconds)
        far.other, self.other = self, far
        try:
            await self._loop.create_connection(lambda: far, "127.0.0.1", self._target)
        except OSError:
            if self.transport:
                self.transport.abort()
            return
        early, self._early = self._early or [], None
        for data in early:
            self._send(data)


@contextmanager
def wire(listen: int, target: int, milliseconds: float) -> Iterator[None]:
    """Have one lie between two ports."""
    command = [sys.executable, "-m", "tests.support.wire", str(listen), str(target), str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "the wire does not listen"
            yield
        finally:
            process.terminate()


async def _serve(listen: int, target: int, milliseconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(target, milliseconds / 1000), "127.0.0.1", listen, backlog=256)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
