"""A stand-in of a load balancer: takes connections at one address, leads each to one of the servers whose `/readyz` says 200.

As the one of Kubernetes does it: a connection stays where it was led until one end closes it, nothing is tried a second time, and a
server that is ready no longer gets no new connections.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from itertools import count
from typing import Self

_CHUNK = 65_536
_LOOK_SECONDS = 0.2
_ANSWER_SECONDS = 5.0  # a server that is busy for longer stays what it was


class Balancer:
    """Listens on the loopback address, from a thread of its own, for several services at once.

    `refused` counts connections that nobody could be found for: of what clients see, that is the balancer's part.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.refused = 0
        self.led: dict[int, int] = {}  # how many connections each server got
        self._ports = ports
        self._servers: dict[int, tuple[int, ...]] = dict.fromkeys(ports, ())
        self._ready: set[int] = set()
        self._turn = count()
        self._flows: dict[asyncio.Task[object], tuple[asyncio.WriteTransport, ...]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def lead(self, port: int, servers: Sequence[int]) -> None:
        """Lead new connections at a port to these servers from now on, as far as they are ready."""
        self._servers[port] = tuple(servers)

    def is_ready(self, server: int) -> bool:
        """Say whether a server is sent new connections."""
        return server in self._ready

    def await_ready(self, *servers: int, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not self._ready.issuperset(servers):
            assert time.monotonic() < deadline, f"not ready: {set(servers) - self._ready}"
            time.sleep(0.05)

    async def _begin(self) -> None:
        self._listening = [await asyncio.start_server(self._serve_at(port), "127.0.0.1", port, backlog=256) for port in self._ports]
        self._looking = asyncio.ensure_future(self._look_for_ever())

    async def _end(self) -> None:
        for listening in self._listening:
            listening.close()
        self._looking.cancel()
        tasks = tuple(self._flows)
        for transports in tuple(self._flows.values()):
            for transport in transports:
                transport.abort()
        await asyncio.gather(*tasks)

    async def _look_for_ever(self) -> None:
        while True:
            every = {server for servers in self._servers.values() for server in servers}
            found = await asyncio.gather(*(self._look(server) for server in every))
            self._ready = {server for server, ready in zip(every, found, strict=True) if ready}
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, server: int) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", server)
                try:
                    writer.write(b"GET /readyz HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n")
                    return (await reader.readline()).split()[1:2] == [b"200"]
                finally:
                    writer.close()
        except TimeoutError:
            return server in self._ready
        except OSError:
            return False

    def _serve_at(self, port: int) -> "asyncio.streams._ClientConnectedCallback":
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ready = [server for server in self._servers[port] if server in self._ready]
            if not ready:
                self.refused += 1
                writer.transport.abort()
                return
            server = ready[next(self._turn) % len(ready)]
            try:
                there, onward = await asyncio.open_connection("127.0.0.1", server)
            except OSError:
                self.refused += 1
                writer.transport.abort()
                return
            self.led[server] = self.led.get(server, 0) + 1
            flow = asyncio.current_task()
            assert flow is not None
            self._flows[flow] = both = writer.transport, onward.transport
            await asyncio.gather(_pump(reader, onward), _pump(there, writer))
            del self._flows[flow]
            for transport in both:
                transport.abort()

        return serve


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass on what comes, and its end; the other direction ends by itself."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()
        sink.write_eof()
