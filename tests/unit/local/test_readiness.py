"""The supervisor asks whether a service is ready; whatever comes back that is no answer is a no, and never its end."""

import socket
import threading

import pytest

from deploy.local.supervisor import _answers


@pytest.mark.parametrize(
    ("reply", "ready"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", False),
        (b"GET /readyz HTTP/1.1\r\n\r\n", False),
        (b"", False),
    ],
)
def test_only_a_good_answer_is_a_yes(reply: bytes, ready: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(reply)

        answering = threading.Thread(target=answer)
        answering.start()
        assert _answers(f"http://127.0.0.1:{server.getsockname()[1]}/readyz") is ready
        answering.join()


def test_nobody_there_is_a_no() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not _answers(f"http://127.0.0.1:{port}/readyz")
