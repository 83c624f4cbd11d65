"""What lies between the services and PostgreSQL: a TCP proxy that cuts, delays, holds back, and leaves connections half open."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable
from typing import Self

_CHUNK = 65_536
_ABORTED = (ConnectionError, OSError, asyncio.CancelledError)


class Proxy:
    """Listens on the loopback address, from a thread of its own. Where it leads may be changed: another server is found there."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self.delay_seconds = 0.0
        self.commits_cut = 0
        self._cut_commits = 0.0
        self._draw = random.Random(0)
        self._flows: set[_Flow] = set()
        self._passing = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def end(self) -> None:
        if not self._thread.is_alive():
            return
        self.cut()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def cut(self) -> None:
        """Break all connections off, both ends: who comes again is served."""
        self._in_loop(lambda: self._each(_Flow.abort))

    def cut_commits(self, share: float, seed: int = 0) -> None:
        """Break this share of connections off in the middle of a commit: the server has it, its answer does not come through."""
        self._draw = random.Random(seed)
        self._cut_commits = share

    def hold(self, *, held: bool) -> None:
        """Let nothing through either way, or go on with what waited: a network that is away for a while loses nothing."""
        self._in_loop(self._passing.clear if held else self._passing.set)

    def lose_servers(self) -> None:
        """Let the server's ends of all connections go without a word: clients wait at theirs for ever."""
        self._in_loop(lambda: self._each(_Flow.lose_server))

    def lose_clients(self) -> None:
        """Let the clients' ends of all connections go: the server keeps its own, and is told nothing."""
        self._in_loop(lambda: self._each(_Flow.lose_client))

    def _each(self, do: "Callable[[_Flow], None]") -> None:
        for flow in list(self._flows):
            do(flow)

    def _in_loop(self, do: Callable[[], object]) -> None:
        done = threading.Event()

        def act() -> None:
            do()
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait()

    async def _listen(self) -> None:
        self._passing.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=256)

    async def _end(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passing.wait()
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        flow = _Flow(writer, onward)
        self._flows.add(flow)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, onward, flow, from_client=True))
                both.create_task(self._pump(there, writer, flow, from_client=False))
        except* _ABORTED:
            pass
        finally:
            if not flow.half_open:
                flow.abort()
                self._flows.discard(flow)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flow: "_Flow", *, from_client: bool) -> None:
        while chunk := await source.read(_CHUNK):
            await self._passing.wait()
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            if flow.half_open:
                continue
            if from_client and b"COMMIT" in chunk and self._draw.random() < self._cut_commits:
                flow.committing = True
            elif flow.committing:  # the server answers; what it says is lost
                self.commits_cut += 1
                flow.abort()
                return
            sink.write(chunk)
            with contextlib.suppress(ConnectionError):
                await sink.drain()
        if not flow.half_open:
            flow.abort()


class _Flow:
    """One connection's two ends."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._client, self._server = client, server
        self.committing = False
        self.half_open = False

    def abort(self) -> None:
        self._client.transport.abort()
        self._server.transport.abort()

    def lose_server(self) -> None:
        self.half_open = True
        self._server.transport.abort()

    def lose_client(self) -> None:
        self.half_open = True
        self._client.transport.abort()
