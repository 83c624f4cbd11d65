"""Serving: uvicorn on uvloop, quiet, and ended in good order."""

import gc

import uvicorn
from fastapi import FastAPI

from libs.common import telemetry
from libs.common.settings import CommonSettings

_GRACE_SECONDS = 10


def serve(app: FastAPI, settings: CommonSettings) -> None:
    """Serve until SIGTERM; requests in flight are answered first."""
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=512,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    telemetry.shut_down()
