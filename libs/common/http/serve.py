"""Serving: uvicorn on uvloop, quiet, and ended in good order."""

import gc
import socket
import time

import uvicorn
from fastapi import FastAPI

from libs.common import telemetry
from libs.common.http.protocol import BoundedHttp
from libs.common.http.rates import Rates
from libs.common.settings import CommonSettings

_GRACE_SECONDS = 10
_TAKES_NOTHING_MS = 60_000  # then the kernel lets go of who is sent something and takes nothing of it


def serve(app: FastAPI, settings: CommonSettings) -> None:
    """Serve until SIGTERM; requests in flight are answered first."""
    app.state.door.rates = Rates(settings.requests_per_second, time.monotonic)
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
    uvicorn.Server(config).run(sockets=[listening])
    telemetry.shut_down()
