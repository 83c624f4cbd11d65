"""An application over real connections, from a thread of the test process."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI


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
