"""A signed POST to an address that somebody outside told us: as Standard Webhooks 1.0 prescribes, and never to anywhere private.

Connections are pinned to addresses that were judged (`pinned.py`), and used again. No redirect is followed; of the answer only the
head counts, and its size and time are bounded.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpcore

from libs.common.addresses import BadAddress, read_url
from libs.common.errors import Transient
from libs.common.pinned import AnswerTooLarge, Lookup, PrivateAddress, Resolve, make_pool
from libs.common.standard_webhooks import signatures

_STEP_SECONDS: Final = {"connect": 5.0, "read": 60.0, "write": 60.0}
_PIECE_BYTES: Final = 256 * 1024
_RECEIPT_MAX: Final = 200
_REST_BYTES_MAX: Final = 16 * 1024
_REST_SECONDS: Final = 1.0
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_REDIRECTS: Final = range(300, 400)
_SUCCESS: Final = range(200, 300)
_SERVER_ERROR: Final = 500
_REFUSED: Final = {
    "private-address": "private_address",
    "not-https": "private_address",
}  # in the clear, only this machine is called


class Undeliverable(Exception):  # noqa: N818 - the fact is the name
    """Sending this again as things are will not help. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Poster:
    """Posts to anybody. `loopback` lets this machine's own address be called, in the clear too, and no other.

    `whole_seconds`: how long one post may take in all, from looking up the name to the head of the answer.
    """

    def __init__(
        self,
        *,
        whole_seconds: float,
        loopback: bool = False,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._whole_seconds = whole_seconds
        self._loopback = loopback
        self._resolve = resolve or Lookup()
        self._tls = tls
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    async def post(
        self, url: str, secrets: Sequence[bytes], name: str, body: bytes | Path, headers: Mapping[str, str], now: datetime
    ) -> str:
        """Post a body, or a file, whose `webhook-id` is `name`, the same at every attempt; return the receipt, else the status.

        It bears a signature for each secret: while one takes the place of another, a receiver knows either.
        Errors: Transient (try again later), Undeliverable (`redirected`, `private_address`, `bad_address`, `refused_400`, ...).
        """
        try:
            target = read_url(url, loopback=self._loopback)
        except BadAddress as error:
            raise Undeliverable(_REFUSED.get(error.reason, "bad_address")) from error
        try:
            async with asyncio.timeout(self._whole_seconds):
                signed = await self._signed(secrets, name, body, now)
                status, receipt = await self._call(target, body, {**headers, **signed})
        except PrivateAddress as error:
            raise Undeliverable("private_address") from error
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise Transient("receiver_slow") from error
        except (AnswerTooLarge, httpcore.ProtocolError) as error:
            raise Transient("bad_answer") from error
        except (httpcore.NetworkError, OSError) as error:
            raise Transient("bad_certificate" if _about_tls(error) else "receiver_away") from error
        if status in _SUCCESS:
            return receipt or f"HTTP {status}"
        if status >= _SERVER_ERROR or status in _BUSY:
            raise Transient(f"receiver_away_{status}")
        raise Undeliverable("redirected" if status in _REDIRECTS else f"refused_{status}")

    async def _call(self, url: str, body: bytes | Path, headers: Mapping[str, str]) -> tuple[int, str]:
        """Return the status of the answer, and what it calls its receipt."""
        target = urlsplit(url)
        sent = [("Host", target.netloc), ("Accept", "*/*"), ("User-Agent", "recours"), *headers.items()]
        request = httpcore.Request(
            "POST",
            url,
            headers=[(key.encode(), value.encode()) for key, value in sent],
            content=body if isinstance(body, bytes) else _stream(body),
            extensions={"timeout": _STEP_SECONDS},
        )
        answer = await self._pool(target.scheme).handle_async_request(request)
        try:
            receipt = next((value for key, value in answer.headers if key.lower() == b"x-receipt"), b"")
            await _drain(answer)
        finally:
            await answer.aclose()
        return answer.status, receipt[:_RECEIPT_MAX].decode("latin-1")

    def _pool(self, scheme: str) -> httpcore.AsyncConnectionPool:
        pool = self._pools.get(scheme)
        if pool is None:
            self._tls = self._tls or httpcore.default_ssl_context()  # takes 20 ms: once, and not at each connection
            pool = self._pools[scheme] = make_pool(scheme, self._resolve, loopback=self._loopback, tls=self._tls)
        return pool

    async def _signed(self, secrets: Sequence[bytes], name: str, body: bytes | Path, now: datetime) -> dict[str, str]:
        moment = str(int(now.timestamp()))
        if isinstance(body, bytes):
            size_bytes, signature = len(body), signatures(secrets, name, moment, [body])
        else:
            size_bytes, signature = await asyncio.to_thread(_signed_file, secrets, name, moment, body)
        return {
            "Content-Length": str(size_bytes),
            "webhook-id": name,
            "webhook-timestamp": moment,
            "webhook-signature": signature,
        }


async def _drain(answer: httpcore.Response) -> None:
    """Read what is left of a short answer, so that its connection can be used again; a long or slow one costs the connection."""
    left = _REST_BYTES_MAX
    try:
        async with asyncio.timeout(_REST_SECONDS):
            async for piece in answer.aiter_stream():
                left -= len(piece)
                if left < 0:
                    return
    except (TimeoutError, AnswerTooLarge, httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException):
        return  # the head has said what became of the post


def _about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _signed_file(secrets: Sequence[bytes], name: str, moment: str, path: Path) -> tuple[int, str]:
    return path.stat().st_size, signatures(secrets, name, moment, _pieces(path))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


async def _stream(path: Path) -> AsyncIterator[bytes]:
    """Yield a file piece by piece: an answer around scans is larger than a worker's memory should be."""
    for piece in _pieces(path):
        yield piece
