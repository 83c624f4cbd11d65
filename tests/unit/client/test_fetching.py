"""A packet's files, fetched into a folder: whole and proved, or not there."""

import hashlib
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from libs.client import letters
from libs.client.errors import ClientError
from libs.client.letter_shapes import Packet, PacketFile
from libs.client.transport import Service

CONTENT = b"%PDF-1.7 of this packet"
CASE = UUID(int=1)


@pytest.fixture
def packet(monkeypatch: pytest.MonkeyPatch) -> Packet:
    """A packet that is ready, and a service that gives it."""
    file = PacketFile(1, "packet-1.pdf", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), 1)
    made = Packet(uuid4(), CASE, 1, "ready", None, None, None, (file,))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, content=msgspec.json.encode(made))
        return httpx.Response(200, content=b"{}" if request.url.path.endswith("/manifest") else CONTENT)

    monkeypatch.setattr(letters, "Service", lambda name: Service(name, "http://appeals", httpx.MockTransport(answer)))
    return made


def test_a_packet_is_fetched_over_what_was_left_of_another_with_the_same_names(packet: Packet, tmp_path: Path) -> None:
    name = packet.files[0].name
    (tmp_path / f"{name}.part").write_bytes(b"left of another packet, and longer than all of this one")
    assert letters.build(CASE, None, tmp_path, as_json=False) == 0
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {name: CONTENT, "manifest.json": b"{}"}


@pytest.mark.usefixtures("packet")
def test_bytes_that_are_not_the_packets_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "CONTENT", CONTENT.replace(b"this", b"that"))
    with pytest.raises(ClientError, match="is not the packet; nothing was kept"):
        letters.build(CASE, None, tmp_path, as_json=False)
    assert list(tmp_path.iterdir()) == []
