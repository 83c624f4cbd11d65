"""The ways by which Recours sends: whole or not at all, once under one name, signed, and to nowhere private."""

import asyncio
import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.common.errors import Transient
from libs.common.signed_post import Undeliverable
from services.appeals.filing.channels import Folder, Parcel, Posted, channels_of
from tests.unit.appeals.test_workflow import NOW

SECRET = b"a secret for tests alone, and long"


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    packet = tmp_path / "packet.pdf"
    packet.write_bytes(b"%PDF-1.7 a packet")
    return Parcel("appeal-1", {"level": "redetermination"}, (packet,), "ab" * 32)


def send(channel: Folder | Posted, parcel: Parcel) -> str:
    return asyncio.run(channel.send(parcel, NOW))


def test_a_folder_gets_the_packet_its_manifest_and_a_receipt(tmp_path: Path, parcel: Parcel) -> None:
    outbox = tmp_path / "outbox"
    assert send(Folder(outbox), parcel) == "appeal-1.receipt.json"
    assert sorted(each.name for each in outbox.iterdir()) == ["appeal-1.json", "appeal-1.pdf", "appeal-1.receipt.json"]
    assert (outbox / "appeal-1.pdf").read_bytes() == b"%PDF-1.7 a packet"
    assert msgspec.json.decode((outbox / "appeal-1.receipt.json").read_bytes())["sha256"] == "ab" * 32


def test_what_was_taken_out_of_the_folder_is_not_put_there_again(tmp_path: Path, parcel: Parcel) -> None:
    outbox = tmp_path / "outbox"
    send(Folder(outbox), parcel)
    (outbox / "appeal-1.pdf").unlink()
    assert send(Folder(outbox), parcel) == "appeal-1.receipt.json"
    assert not (outbox / "appeal-1.pdf").exists()


def test_a_packet_in_parts_goes_in_numbered_files(tmp_path: Path, parcel: Parcel, payer: "Payer") -> None:
    parts = msgspec.structs.replace(parcel, files=parcel.files * 2)
    send(Folder(tmp_path / "outbox"), parts)
    assert sorted(each.name for each in (tmp_path / "outbox").glob("*.pdf")) == ["appeal-1-1-of-2.pdf", "appeal-1-2-of-2.pdf"]
    assert send(Posted(payer.url, SECRET, loopback=True), parts) == "R-1; R-1"
    assert [headers["webhook-id"] for headers, _ in payer.received] == ["appeal-1-1-of-2", "appeal-1-2-of-2"]


def test_a_folder_that_cannot_be_written_is_waited_for(tmp_path: Path, parcel: Parcel) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    with pytest.raises(Transient):
        send(Folder(tmp_path / "outbox"), parcel)


class Payer:
    """A payer's front door on this machine."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        payer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                payer.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(payer.status)
                self.send_header("X-Receipt", "R-1")
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/appeals"


@pytest.fixture
def payer() -> Iterator[Payer]:
    made = Payer()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_post_is_signed_and_has_the_same_id_at_every_attempt(payer: Payer, parcel: Parcel) -> None:
    channel = Posted(payer.url, SECRET, loopback=True)
    assert [send(channel, parcel), send(channel, parcel)] == ["R-1", "R-1"]
    for headers, body in payer.received:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert (headers["webhook-id"], body) == ("appeal-1", b"%PDF-1.7 a packet")


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_not_followed(status: int, payer: Payer, parcel: Parcel) -> None:
    payer.status = status
    with pytest.raises(Undeliverable, match="redirected"):
        send(Posted(payer.url, SECRET, loopback=True), parcel)
    assert len(payer.received) == 1


@pytest.mark.parametrize(("status", "again"), [(500, True), (503, True), (429, True), (400, False), (401, False), (413, False)])
def test_what_passes_is_tried_again_and_what_does_not_is_not(status: int, again: bool, payer: Payer, parcel: Parcel) -> None:
    payer.status = status
    with pytest.raises(Transient if again else Undeliverable):
        send(Posted(payer.url, SECRET, loopback=True), parcel)


def test_a_payer_that_is_away_is_waited_for(parcel: Parcel) -> None:
    with pytest.raises(Transient):
        send(Posted("http://127.0.0.1:9/", SECRET, loopback=True), parcel)


@pytest.mark.parametrize("url", ["https://a..b/", f"https://{'a' * 64}.example/", "http://127.0.0.1:9/\x01"])
def test_what_is_no_address_ends_the_parcel_and_not_the_worker(url: str, parcel: Parcel) -> None:
    with pytest.raises(Undeliverable, match="bad_address"):
        send(Posted(url, SECRET, loopback=True), parcel)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/", "https://10.1.2.3/",
        "https://192.168.1.1/", "https://169.254.169.254/", "https://[fd00::1]/", "https://0.0.0.0/", "https://224.0.0.1/",
        "http://93.184.215.14/",
    ],
)  # fmt: skip
def test_no_private_address_is_called_and_no_packet_goes_out_in_the_clear(url: str, parcel: Parcel) -> None:
    with pytest.raises(Undeliverable, match="private_address"):
        send(Posted(url, SECRET), parcel)


def test_the_setting_for_loopback_opens_no_other_private_address(parcel: Parcel) -> None:
    with pytest.raises(Undeliverable, match="private_address"):
        send(Posted("https://10.1.2.3/", SECRET, loopback=True), parcel)


def test_only_what_is_set_up_is_a_channel(tmp_path: Path) -> None:
    assert channels_of(None, None, None, loopback=False) == {}
    assert channels_of(None, "https://payer.example/", None, loopback=False) == {}
    assert set(channels_of(str(tmp_path), "https://payer.example/", SECRET, loopback=False)) == {"folder", "https"}
