"""Serving: uvicorn on uvloop, quiet, and ended in good order."""

import asyncio
import contextlib
import gc
import math
import signal
import socket
import sys
import time
from types import FrameType

import uvicorn
import uvloop
from fastapi import FastAPI

from libs.common import telemetry
from libs.common.health import serve as serve_health
from libs.common.http.access import Door
from libs.common.http.protocol import BoundedHttp
from libs.common.http.rates import Rates, Room
from libs.common.retention.kinds import AUDIT_LOG, with_default
from libs.common.settings import CommonSettings
from libs.common.watching import watch_jobs

_GRACE_SECONDS = 10
_TICK_SECONDS = 1.0
_ACCEPTED_IN_A_TURN = 32
_TAKES_NOTHING_MS = 60_000  # then the kernel lets go of who is sent something and takes nothing of it


class Leaving(uvicorn.Server):
    """A server that says by /readyz that it leaves, before it does: load balancers see that only after a while.

    Meanwhile it answers whoever comes, and closes each connection with its answer. A second signal ends the wait.
    """

    def __init__(self, config: uvicorn.Config, door: Door, drain_seconds: float) -> None:
        super().__init__(config)
        self._door = door
        self._drain_seconds = drain_seconds
        self._leaves_at = math.inf
        self._told = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        asyncio.get_running_loop().call_soon_threadsafe(self._told.set)
        if sig != signal.SIGTERM or self._drain_seconds == 0 or self._leaves_at < math.inf:
            super().handle_exit(sig, frame)
            return
        self._leaves_at = time.monotonic() + self._drain_seconds
        self._door.leaving = True

    async def main_loop(self) -> None:
        """Tick when there is a reason, a new second for the date of answers or a signal: uvicorn's own wakes ten times a second."""
        while not await self.on_tick(0):
            self._told.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_TICK_SECONDS, self._leaves_at - time.monotonic())):
                    await self._told.wait()

    async def on_tick(self, counter: int) -> bool:
        """Say whether it is time to end."""
        if time.monotonic() >= self._leaves_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(app: FastAPI, settings: CommonSettings) -> None:
    """Serve until SIGTERM, and for `drain_seconds` after it; requests in flight are answered first."""
    app.state.retention = with_default(app.state.retention, AUDIT_LOG.name, settings.audit_keep_days)
    app.state.door.rates = Rates(settings.requests_per_second, time.monotonic)
    app.state.door.room = Room(*app.state.door.at_once)
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedHttp,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        backlog=512,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    listening = config.bind_socket()
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; whom it accepts inherits it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TAKES_NOTHING_MS)
    # When it has served, uvicorn raises the signal again that ended it, which would kill what has still to be sent.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        uvloop.run(_answer(Leaving(config, app.state.door, settings.drain_seconds), listening, settings))
    finally:
        telemetry.shut_down()


def doubled(listening: socket.socket) -> list[socket.socket]:
    """Return a listening socket many times: uvloop accepts one connection of each in a turn of its loop.

    When there is much to do turns are long, and who comes anew would wait for seconds before anybody could send him away.
    """
    return [listening, *(listening.dup() for _ in range(_ACCEPTED_IN_A_TURN - 1))]


async def _answer(server: uvicorn.Server, listening: socket.socket, settings: CommonSettings) -> None:
    port = settings.health_port
    jobs = watch_jobs()
    if port is not None:
        jobs.append(lambda: serve_health(settings.host, port, {}))
    beside = [asyncio.ensure_future(job()) for job in jobs]
    try:
        await server.serve(sockets=doubled(listening))
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
