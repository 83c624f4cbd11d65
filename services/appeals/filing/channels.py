"""How Recours itself sends what is filed: one small interface, and two ways behind it.

A parcel has one name for ever, by which a receiver knows it again. So a parcel that is sent twice, because somebody was killed
between sending it and writing that it was sent, arrives once.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from libs.common.errors import Transient

PDF: Final = "application/pdf"
X12: Final = "application/edi-x12"
_SUFFIXES: Final = {PDF: "pdf", X12: "275"}
_PIECE_BYTES: Final = 256 * 1024

_encode = msgspec.json.Encoder().encode
_TIMEOUT: Final = httpx.Timeout(60, connect=5)
_ANSWER_MAX: Final = 200
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class Parcel(Struct, frozen=True):
    """What goes out. `name` is that of its filing, the same at every attempt; `manifest` says what it is, without patient data."""

    name: str
    manifest: Mapping[str, object]
    files: tuple[Path, ...]
    sha256: str
    media_type: str = PDF

    def names(self) -> list[str]:
        """Return a name for each file: the parcel's own, where it is one file; else numbered."""
        count = len(self.files)
        return [self.name] if count == 1 else [f"{self.name}-{number}-of-{count}" for number in range(1, count + 1)]


class Undeliverable(Exception):  # noqa: N818 - the fact is the name
    """Sending this again will not help. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Channel(Protocol):
    """A way to a payer."""

    async def send(self, parcel: Parcel, now: datetime) -> str:
        """Return what proves that it was sent. Errors: Transient (try again later), Undeliverable."""
        ...


class Folder:
    """A folder that somebody else empties: an outbox, or the top of an SFTP drop.

    Files appear whole, by renaming; the receipt comes last, and where it is, nothing is written again: who takes the files away
    leaves the receipts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, parcel: Parcel, now: datetime) -> str:
        try:
            return await asyncio.to_thread(self._put, parcel, now)
        except OSError as error:
            raise Transient("outbox_away") from error

    def _put(self, parcel: Parcel, now: datetime) -> str:
        receipt = self._folder / f"{parcel.name}.receipt.json"
        if not receipt.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(f"{parcel.name}.json", _encode(parcel.manifest))
            for name, file in zip(parcel.names(), parcel.files, strict=True):
                self._write(f"{name}.{_SUFFIXES[parcel.media_type]}", file)
            self._write(receipt.name, _encode({"name": parcel.name, "sha256": parcel.sha256, "written_at": now}))
        return receipt.name

    def _write(self, name: str, content: bytes | Path) -> None:
        """Write a file that is there whole or not at all, also after the power fails."""
        unfinished = self._folder / f".{name}.part"
        with unfinished.open("wb") as file:
            if isinstance(content, Path):
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file, _PIECE_BYTES)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class SignedPost:
    """A POST of each file of the parcel, signed as Standard Webhooks 1.0 prescribes; its `webhook-id` is the file's name for ever.

    No redirect is followed and no private address is called; `loopback` lets this machine's own be called, and no other.
    """

    def __init__(self, url: str, secret: bytes, *, loopback: bool = False) -> None:
        self._url = urlsplit(url)
        self._secret = secret
        self._loopback = loopback

    async def send(self, parcel: Parcel, now: datetime) -> str:
        receipts = []
        for name, file in zip(parcel.names(), parcel.files, strict=True):
            told = {
                "Content-Type": parcel.media_type,
                "Content-Length": str(file.stat().st_size),
                "x-manifest": base64.b64encode(_encode(parcel.manifest)).decode(),
                **await asyncio.to_thread(self._signed, name, file, now),
            }
            receipts.append(await self._post(file, told))
        return "; ".join(receipts)[:_ANSWER_MAX]

    async def _post(self, file: Path, headers: Mapping[str, str]) -> str:
        host, port = self._url.hostname or "", self._url.port or (443 if self._url.scheme == "https" else 80)
        address = await self._address(host, port)
        netloc = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        request = httpx.Request(
            "POST",
            self._url._replace(netloc=netloc).geturl(),  # the address that was looked at, and no other that the name may give
            content=_stream(file),
            headers={"Host": self._url.netloc, **headers},
            extensions={"sni_hostname": host, "timeout": _TIMEOUT.as_dict()},
        )
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as http:
                answer = await http.send(request)
        except httpx.HTTPError as error:
            raise Transient("payer_away") from error
        if answer.is_success:
            return str(answer.headers.get("x-receipt", f"HTTP {answer.status_code}"))[:_ANSWER_MAX]
        if answer.is_server_error or answer.status_code in _BUSY:
            raise Transient("payer_away")
        raise Undeliverable("redirected" if answer.is_redirect else f"refused_{answer.status_code}")

    def _signed(self, name: str, file: Path, now: datetime) -> dict[str, str]:
        moment = str(int(now.timestamp()))
        signature = sign(self._secret, name, moment, _pieces(file))
        return {"webhook-id": name, "webhook-timestamp": moment, "webhook-signature": signature}

    async def _address(self, host: str, port: int) -> str:
        """Return the address to call. Errors: Undeliverable where the name leads somewhere private, Transient where nowhere."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Transient("payer_away") from error
        addresses = [str(each[4][0]) for each in found]
        if not all(self._may_call(ipaddress.ip_address(each.partition("%")[0])) for each in addresses):
            raise Undeliverable("private_address")
        return addresses[0]

    def _may_call(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        plain = getattr(address, "ipv4_mapped", None) or address
        if plain.is_loopback:
            return self._loopback
        return plain.is_global and not plain.is_multicast and (self._url.scheme == "https")


def sign(secret: bytes, name: str, moment: str, body: Iterable[bytes]) -> str:
    """Return the signature that Standard Webhooks prescribes over id, time and body; the body comes in pieces."""
    signed = hmac.new(secret, f"{name}.{moment}.".encode(), hashlib.sha256)
    for piece in body:
        signed.update(piece)
    return "v1," + base64.b64encode(signed.digest()).decode()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


async def _stream(path: Path) -> AsyncIterator[bytes]:
    """Yield a file piece by piece: an answer around scans is larger than a worker's memory should be."""
    for piece in _pieces(path):
        yield piece


def channels_of(folder: str | None, url: str | None, secret: bytes | None, *, loopback: bool) -> dict[str, Channel]:
    """Return the channels that are set up, by name."""
    found: dict[str, Channel] = {}
    if folder is not None:
        found["folder"] = Folder(Path(folder))
    if url is not None and secret is not None:
        found["https"] = SignedPost(url, secret, loopback=loopback)
    return found


SENT_BY_RECOURS: Final[Sequence[str]] = ("folder", "https")
