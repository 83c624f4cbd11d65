"""An application over real connections, from a thread of the test process or from the test's own loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI

PATIENCE_SECONDS = 20


@contextmanager
def served_by_thread(app: FastAPI, **told: Any) -> Iterator[int]:
    """Serve an application, with what uvicorn is told besides; yield its port on the loopback address."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, server_header=False, **told))
    listening = socket.create_server(("127.0.0.1", 0))  # connections wait here until the server takes them
    thread = Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application; yield its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving


async def rest_of(pieces: AsyncIterator[bytes]) -> int:
    """Return how many bytes of an answer still come.

    Errors: RemoteProtocolError where it breaks off, TimeoutError where it goes on.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        return sum([len(piece) async for piece in pieces])
