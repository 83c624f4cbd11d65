"""Connections to addresses that somebody outside told us.

A name is looked up when it is connected to, everything that it leads to is judged, and the address that was judged is the one that
is connected to. Connections are kept for a while and used again, which asks no name anew. What comes back over one is bounded.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpcore

from libs.common.addresses import may_call

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

ANSWER_BYTES_MAX: Final = 64 * 1024  # of head and body together
_PIECE_BYTES: Final = 4096  # read at once: a parser that is fed nonsense stops after this much
_TRIED_MAX: Final = 3  # addresses of one name
_KEPT_IDLE: Final = 64
_KEPT_IDLE_SECONDS: Final = 5.0
_LOOKUPS: Final = 64  # at once: a name server that does not answer holds a thread for half a minute


class PrivateAddress(Exception):  # noqa: N818 - the fact is the name
    """A name leads somewhere that may not be called."""


class AnswerTooLarge(Exception):  # noqa: N818 - the fact is the name
    """More came back than is read of anybody's answer."""


class Lookup:
    """Asks the system's resolver, in threads of its own: a receiver's slow name server keeps no file and no other job waiting."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name. Errors: OSError, UnicodeError."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _ask, host, port)
        return list(dict.fromkeys(found))


def _ask(host: str, port: int) -> list[str]:
    return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def make_pool(scheme: str, resolve: Resolve, *, loopback: bool, tls: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
    """Return a pool whose connections are all to addresses that may be called. It knows no proxy and follows nothing."""
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=None,  # who posts bounds what is in flight: a pool that is full would let one receiver keep others waiting
        max_keepalive_connections=_KEPT_IDLE,
        keepalive_expiry=_KEPT_IDLE_SECONDS,
        http1=True,
        http2=False,
        network_backend=_Pinned(scheme, resolve, loopback=loopback),
    )


class _Pinned(httpcore.AsyncNetworkBackend):
    def __init__(self, scheme: str, resolve: Resolve, *, loopback: bool) -> None:
        self._scheme = scheme
        self._resolve = resolve
        self._loopback = loopback
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the pool's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Errors: PrivateAddress, httpcore.ConnectError, httpcore.ConnectTimeout."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("no such name") from error
        # All of them: a name that leads here and there is not to be believed anywhere.
        if not all(may_call(each, self._scheme, loopback=self._loopback) for each in addresses):
            raise PrivateAddress
        failed: Exception = httpcore.ConnectError("no address")
        until = time.monotonic() + (timeout or 0)
        for address in addresses[:_TRIED_MAX]:
            left = None if timeout is None else max(until - time.monotonic(), 0.1)
            try:
                stream = await self._network.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return _Bounded(stream)
        raise failed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Bounded(httpcore.AsyncNetworkStream):
    """A stream that gives back so much for each request, and no more."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = ANSWER_BYTES_MAX

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the pool's interface
        """Errors: AnswerTooLarge."""
        if self._left <= 0:
            raise AnswerTooLarge
        piece = await self._stream.read(min(max_bytes, _PIECE_BYTES), timeout)
        self._left -= len(piece)
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the pool's interface
        self._left = ANSWER_BYTES_MAX
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the pool's interface
    ) -> httpcore.AsyncNetworkStream:
        return _Bounded(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
