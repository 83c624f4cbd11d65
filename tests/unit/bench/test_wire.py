"""The wire that puts hosts apart: all of it comes, in its order, and not before its time."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.local.layout import free_ports
from tests.support.wire import wire

MILLISECONDS = 20


@contextmanager
def echo() -> Iterator[int]:
    """Have a server that sends back whatever it hears, until its client has ended; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                while heard := client.recv(65_536):
                    client.sendall(heard)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive(), "the server was not told of the end"


@pytest.mark.parametrize("milliseconds", [0, MILLISECONDS])
def test_all_comes_in_its_order_and_so_much_later_each_way(milliseconds: int) -> None:
    near = next(free_ports())
    sent = bytes(range(256)) * 8192
    with echo() as far, wire(near, far, milliseconds), socket.create_connection(("127.0.0.1", near)) as client:
        client.settimeout(10)
        began = time.monotonic()
        sender = threading.Thread(target=client.sendall, args=(sent,))
        sender.start()
        came = bytearray(client.recv(65_536))
        assert time.monotonic() - began >= 2 * milliseconds / 1000 - 0.002  # the loop's clock counts whole milliseconds
        while len(came) < len(sent):
            came += client.recv(65_536)
        sender.join()
        assert bytes(came) == sent


def test_who_calls_where_nobody_answers_is_cut_off() -> None:
    ports = free_ports()
    near, nobody = next(ports), next(ports)
    with wire(near, nobody, 0), socket.create_connection(("127.0.0.1", near)) as client:
        client.settimeout(10)
        with contextlib.suppress(ConnectionError):
            assert client.recv(1) == b""
