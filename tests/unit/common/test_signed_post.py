"""Posting to receivers that mean no good, over real sockets: what they do costs them their own post and nothing else."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from standardwebhooks import Webhook, WebhookVerificationError

from libs.common import pinned
from libs.common.errors import Transient
from libs.common.signed_post import Poster, Undeliverable
from libs.common.standard_webhooks import read_secret, signatures, write_secret, wrong_with

SECRET, OLD_SECRET = b"a secret of thirty-two bytes ...", b"the secret before, of 32 bytes.."
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Receiver:
    """Somebody else's server on this machine, which answers each post in its own way."""

    def __init__(self, answer: Answer) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._answer = answer

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(size)
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def ok(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def post(url: str, *, seconds: float = 5.0, poster: Poster | None = None) -> str:
    poster = poster or Poster(whole_seconds=seconds, loopback=True)
    try:
        return await poster.post(url, [SECRET], "msg_1", b'{"type":"test"}', {}, datetime.now(UTC))
    finally:
        await poster.close()


async def flood(writer: asyncio.StreamWriter, piece: bytes) -> None:
    while True:
        writer.write(piece)
        await writer.drain()


def flooding(head: bytes, piece: bytes) -> Answer:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await flood(writer, piece)

    return answer


def dripping(head: bytes) -> Answer:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for place in range(len(head)):
            writer.write(head[place : place + 1])
            await asyncio.sleep(0.05)
        await asyncio.sleep(60)

    return answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (flooding(b"HTTP/1.1 200 OK\r\n", b"x-filler: " + b"a" * 1000 + b"\r\n"), "bad_answer"),
        (flooding(b"HTTP/1.1 200 OK\r\nx: ", b"a" * 65536), "bad_answer"),
        (flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "bad_answer"),
        (flooding(b"", b"\x00" * 65536), "bad_answer"),
        (flooding(b"SSH-2.0-OpenSSH_9\r\n", b"\r\n" * 100), "bad_answer"),
        (dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), "receiver_slow"),
        (dripping(b"HTTP/1.1 20"), "receiver_slow"),
    ],
    ids=["headers", "one-header", "continues", "zeros", "ssh", "loris", "loris-status"],
)
async def test_an_answer_without_an_end_is_cut_off(answer: Answer, reason: str) -> None:
    async with Receiver(answer) as receiver:
        with pytest.raises(Transient, match=reason):
            await post(receiver.url, seconds=0.3 if reason == "receiver_slow" else 10)


@pytest.mark.parametrize("head", [b"Content-Length: 10737418240", b"Transfer-Encoding: chunked"], ids=["length", "chunked"])
async def test_a_body_of_ten_gigabytes_is_not_read(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    own = pinned._Bounded.read

    async def counted(self: pinned._Bounded, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as there
        piece = await own(self, max_bytes, timeout)
        read.append(len(piece))
        return piece

    monkeypatch.setattr(pinned._Bounded, "read", counted)
    piece = b"%x\r\n%s\r\n" % (65536, b"a" * 65536) if b"chunked" in head else b"a" * 65536
    async with Receiver(flooding(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", piece)) as receiver:
        assert await post(receiver.url) == "HTTP 200"
    assert sum(read) <= pinned.ANSWER_BYTES_MAX + 4096


async def test_connections_are_used_again_and_a_body_that_drips_costs_only_its_own() -> None:
    async with Receiver(ok) as receiver:
        poster = Poster(whole_seconds=5, loopback=True)
        for _ in range(3):
            await poster.post(receiver.url, [SECRET], "msg_1", b"{}", {}, datetime.now(UTC))
        await poster.close()
        assert (len(receiver.heads), receiver.connections) == (3, 1)
    async with Receiver(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")) as receiver:
        assert await post(receiver.url) == "HTTP 200"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with Receiver(ok) as inner:

        async def redirect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, inner.url.encode()))

        async with Receiver(redirect) as receiver:
            with pytest.raises(Undeliverable, match="redirected"):
                await post(receiver.url)
        assert inner.heads == []


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for localhost that nobody has vouched for."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    told = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256())
    pem = Encoding.PEM
    file = tmp_path / "both.pem"
    file.write_bytes(key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption()) + told.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class Names:
    """A name server that says something else each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked = 0
        self._answers = answers

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return answer


@pytest.mark.parametrize(
    "led_to",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["93.184.215.14", "10.0.0.1"], ["64:ff9b::7f00:1"], ["::ffff:7f00:1"]],
    ids=str,
)
async def test_a_name_that_leads_anywhere_private_is_not_called(led_to: list[str]) -> None:
    async with Receiver(ok) as receiver:
        with pytest.raises(Undeliverable, match="private_address"):
            await post(f"https://rebind.example:{receiver.port}/", poster=Poster(whole_seconds=5, resolve=Names(led_to)))
        assert receiver.connections == 0


async def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once_for_each_connection_and_judged_each_time() -> None:
    async with Receiver(ok) as receiver:
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        poster = Poster(whole_seconds=5, loopback=True, resolve=names)
        url = f"http://localhost:{receiver.port}/"
        await poster.post(url, [SECRET], "msg_1", b"{}", {}, datetime.now(UTC))
        await poster.post(url, [SECRET], "msg_2", b"{}", {}, datetime.now(UTC))
        assert (names.asked, receiver.connections) == (1, 1)  # the address that was judged, and no other
        await poster.close()
        with pytest.raises(Undeliverable, match="private_address"):
            await post(url, poster=Poster(whole_seconds=5, loopback=True, resolve=Names(["10.0.0.1"])))


async def test_a_post_in_the_clear_reaches_this_machine_alone_also_where_a_name_says_it_is_this_machine() -> None:
    with pytest.raises(Undeliverable, match="private_address"):
        await post("http://localhost:1/", poster=Poster(whole_seconds=5, loopback=True, resolve=Names(["93.184.215.14"])))


async def test_a_name_server_that_does_not_answer_holds_up_its_own_post_only() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        if host == "localhost":
            await asyncio.sleep(60)
        return ["127.0.0.1"]

    async with Receiver(ok) as receiver:
        poster = Poster(whole_seconds=0.5, loopback=True, resolve=never)
        slow = asyncio.create_task(post(f"http://localhost:{receiver.port}/", poster=poster))
        told = await poster.post(receiver.url, [SECRET], "msg_1", b"{}", {}, datetime.now(UTC))
        assert (told, slow.done()) == ("HTTP 200", False)
        with pytest.raises(Transient, match="receiver_slow"):
            await slow


async def test_a_server_whose_certificate_is_nobodys_is_told_nothing(self_signed: ssl.SSLContext) -> None:
    heads = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self_signed)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Transient, match="bad_certificate"):
        await post(f"https://localhost:{port}/")
    server.close()
    assert b"POST" not in b"".join(heads)


def signed(body: bytes, at: datetime) -> dict[str, str]:
    moment = str(int(at.timestamp()))
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": moment,
        "webhook-signature": signatures([OLD_SECRET, SECRET], "msg_1", moment, [body]),
    }


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, None),
        ({"webhook-id": "msg_2"}, "not-ours"),
        ({"webhook-signature": ""}, "not-ours"),
        ({"webhook-signature": "v1,"}, "not-ours"),
        ({"webhook-signature": "v1,\u00e9"}, "not-ours"),
        ({"webhook-timestamp": "soon"}, "unsigned"),
        ({"webhook-timestamp": "9" * 30}, "unsigned"),
        ({"webhook-timestamp": "1"}, "not-ours"),
    ],
)
def test_a_receiver_tells_what_was_changed_on_the_way(change: dict[str, str], wrong: str | None) -> None:
    now = datetime.now(UTC)
    assert wrong_with(SECRET, signed(b"{}", now) | change, b"{}", now) == wrong
    assert wrong_with(SECRET, signed(b"{}", now), b"{ }", now) == "not-ours"
    assert wrong_with(SECRET, {}, b"{}", now) == "unsigned"


def test_a_post_that_somebody_sends_again_later_is_too_old() -> None:
    now = datetime.now(UTC)
    kept = signed(b"{}", now)
    assert wrong_with(SECRET, kept, b"{}", now + timedelta(minutes=4)) is None
    assert wrong_with(SECRET, kept, b"{}", now + timedelta(minutes=6)) == "too-old"
    assert wrong_with(SECRET, kept, b"{}", now - timedelta(minutes=6)) == "too-new"


def test_secrets_are_written_as_the_official_library_reads_them() -> None:
    assert read_secret(write_secret(SECRET)) == SECRET
    with pytest.raises(ValueError, match="no secret"):
        read_secret("whsec_!")


def test_signatures_are_those_of_the_official_library_and_either_secret_verifies() -> None:
    now, body = datetime.now(UTC), '{"type":"denial.classified"}'
    moment = str(int(now.timestamp()))
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": moment,
        "webhook-signature": signatures([SECRET, OLD_SECRET], "msg_1", moment, [body.encode()]),
    }
    for secret in (SECRET, OLD_SECRET):
        told = Webhook(write_secret(secret))
        assert told.verify(body, headers) == {"type": "denial.classified"}
        assert told.sign("msg_1", now, body) in headers["webhook-signature"].split()
    with pytest.raises(WebhookVerificationError):
        Webhook(write_secret(b"another")).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(write_secret(SECRET)).verify(body + " ", headers)
