"""A signed POST to an address that somebody outside told us: as Standard Webhooks 1.0 prescribes, and never to anywhere private.

The name resolves once, all that it resolves to is looked at, and the address that was looked at is the one that is called. No
redirect is followed, and no answer's body is read.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from libs.common.errors import Transient

_TIMEOUT: Final = httpx.Timeout(60, connect=5)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_PIECE_BYTES: Final = 256 * 1024
_ANSWER_MAX: Final = 200
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class Undeliverable(Exception):  # noqa: N818 - the fact is the name
    """Sending this again will not help. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignedPost:
    """An address with its secret. `loopback` lets this machine's own be called, in the clear too, and no other.

    `whole_seconds`: how long one post may take in all; None: as long as it goes on.
    """

    def __init__(self, url: str, secret: bytes, *, loopback: bool = False, whole_seconds: float | None = None) -> None:
        self._whole_seconds = whole_seconds
        self._url = urlsplit(url)
        self._secret = secret
        self._loopback = loopback

    async def post(self, name: str, body: bytes | Path, headers: Mapping[str, str], now: datetime) -> str:
        """Post a body, or a file, whose `webhook-id` is `name`, the same at every attempt; return the receipt, else the status.

        Errors: Transient (`receiver_away`: try again later), Undeliverable (`redirected`, `private_address`, `bad_address`,
        `refused_400`, ...).
        """
        host, port = self._url.hostname or "", self._url.port or (443 if self._url.scheme == "https" else 80)
        try:
            async with asyncio.timeout(self._whole_seconds):
                signed = await asyncio.to_thread(self._signed, name, body, now)
                address = await self._address(host, port)
                netloc = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
                request = httpx.Request(
                    "POST",
                    self._url._replace(
                        netloc=netloc
                    ).geturl(),  # the address that was looked at, and no other that the name may give
                    content=body if isinstance(body, bytes) else _stream(body),
                    headers={"Host": self._url.netloc, **headers, **signed},
                    extensions={"sni_hostname": host, "timeout": _TIMEOUT.as_dict()},
                )
                async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as http:
                    answer = await http.send(request, stream=True)
                    await answer.aclose()
        except (httpx.InvalidURL, UnicodeError) as error:
            raise Undeliverable("bad_address") from error  # no name that can be looked up, or no character of an address
        except (httpx.HTTPError, TimeoutError) as error:
            raise Transient("receiver_away") from error
        if answer.is_success:
            return str(answer.headers.get("x-receipt", f"HTTP {answer.status_code}"))[:_ANSWER_MAX]
        if answer.is_server_error or answer.status_code in _BUSY:
            raise Transient(f"receiver_away_{answer.status_code}")
        raise Undeliverable("redirected" if answer.is_redirect else f"refused_{answer.status_code}")

    def _signed(self, name: str, body: bytes | Path, now: datetime) -> dict[str, str]:
        moment = str(int(now.timestamp()))
        size_bytes = len(body) if isinstance(body, bytes) else body.stat().st_size
        signature = sign(self._secret, name, moment, [body] if isinstance(body, bytes) else _pieces(body))
        return {
            "Content-Length": str(size_bytes),
            "webhook-id": name,
            "webhook-timestamp": moment,
            "webhook-signature": signature,
        }

    async def _address(self, host: str, port: int) -> str:
        """Return the address to call. Errors: Undeliverable where the name leads somewhere private, Transient where nowhere."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Transient("receiver_away") from error
        addresses = [str(each[4][0]) for each in found]
        if not all(may_call(each, self._url.scheme, loopback=self._loopback) for each in addresses):
            raise Undeliverable("private_address")
        return addresses[0]


def may_call(address: str, scheme: str, *, loopback: bool) -> bool:
    """Say whether an IP address may be called: a public one by https, and this machine's own where `loopback` says so."""
    plain = _meant(ipaddress.ip_address(address.partition("%")[0]))
    if plain.is_loopback:
        return loopback
    return plain.is_global and not plain.is_multicast and scheme == "https"


def _meant(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 one leads to, where it does: mapped, 6to4, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


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
