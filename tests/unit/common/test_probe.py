"""A container's question to its own process."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from libs.common.probe import ready


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_GET(self) -> None:
            self.send_response(self.status if self.path == "/readyz" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def nobodys() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_process_is_ready_when_it_says_so(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ready(server.server_port)
    monkeypatch.setattr(server.RequestHandlerClass, "status", 503)
    assert not ready(server.server_port)


def test_a_worker_is_asked_where_it_answers(server: HTTPServer, nobodys: int) -> None:
    assert ready(nobodys, server.server_port)


def test_an_api_that_is_not_ready_is_not_asked_elsewhere(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        handler.send_error(503)

    monkeypatch.setattr(server.RequestHandlerClass, "do_GET", refuse)
    assert not ready(server.server_port, server.server_port)
    assert asked == ["/readyz"]


def test_a_process_that_is_not_there_is_not_ready(nobodys: int) -> None:
    assert not ready(nobodys)
