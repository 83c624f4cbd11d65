"""Where keys and revocations are read from, and how they are kept fresh: a change shows within seconds, without a restart.

What cannot be read at the moment leaves what was read before in force, for a day at most; without anything nobody is let in, and
that is told as a part of the system that is away, not as a wrong token.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog

from libs.common.access.keys import BadKeys, Key, read_keys
from libs.common.errors import Transient

log = structlog.get_logger()
T = TypeVar("T")

LOOK_SECONDS: Final = 1.0  # how long a changed file goes unnoticed at most
REFRESH_SECONDS: Final = 300.0  # how long a key that was taken out of a URL's set is still trusted
BACKOFF_SECONDS: Final = (5.0, 300.0)  # between two tries: the first, and the most
STALE_SECONDS: Final = 86_400.0  # how long keys are trusted while their URL is away
_TIMEOUT: Final = httpx.Timeout(5, connect=2)
_BYTES_MAX: Final = 256 * 1024


class Keys(Protocol):
    """The keys of one issuer."""

    @property
    def generation(self) -> int:
        """Return what is another number as soon as any key is another."""
        ...

    async def find(self, kid: str) -> Key | None:
        """Return a key by its id. Errors: Transient where none could be read yet."""
        ...

    async def look(self) -> None:
        """See whether they are others by now, where it is time to. Errors: Transient where none could be read yet."""
        ...

    async def close(self) -> None: ...


class WatchedFile(Generic[T]):
    """What a file says, read again when it is another. `read` raises ValueError at what it cannot understand."""

    def __init__(self, path: Path, read: Callable[[bytes], T], seconds: Callable[[], float]) -> None:
        self._path = path
        self._read = read
        self._seconds = seconds
        self._looked_at = float("-inf")
        self._seen: tuple[int, int, int] | None = None
        self._held: T | None = None
        self.generation = 0

    def value(self, *, at_once: bool = False) -> T:
        """Return what it says, as it was a second ago at most. Errors: Transient where it could never be read."""
        now = self._seconds()
        if at_once or now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        if self._held is None:
            raise Transient("access_file_away")
        return self._held

    def _look(self) -> None:
        try:
            found = self._path.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen == self._seen:
                return
            self._held, self._seen = self._read(self._path.read_bytes()), seen
            self.generation += 1
        except (OSError, ValueError) as error:
            log.warning("access_file_not_read", file=self._path.name, reason=type(error).__name__)


class FileKeys:
    """Keys from a file."""

    def __init__(self, path: Path, seconds: Callable[[], float]) -> None:
        self._file = WatchedFile(path, read_keys, seconds)

    @property
    def generation(self) -> int:
        return self._file.generation

    async def find(self, kid: str) -> Key | None:
        return self._file.value().get(kid) or self._file.value(at_once=True).get(kid)

    async def look(self) -> None:
        self._file.value()

    async def close(self) -> None: ...


class UrlKeys:
    """Keys from a URL, fetched when they are first asked for, when they are old, and when a key is asked for that is not there."""

    def __init__(self, url: str, seconds: Callable[[], float], transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._seconds = seconds
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, transport=transport)
        self._fetching = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None
        self._held: Mapping[str, Key] = {}
        self._fetched_at = float("-inf")
        self._next_try_at = float("-inf")
        self._backoff = BACKOFF_SECONDS[0]
        self.generation = 0

    async def find(self, kid: str) -> Key | None:
        await self.look()
        if kid not in self._held:
            await self._refresh()
        return self._held.get(kid)

    async def look(self) -> None:
        age = self._seconds() - self._fetched_at
        if age < REFRESH_SECONDS:
            return
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())  # nobody waits for a URL while what we have will do
        if age >= STALE_SECONDS:
            await asyncio.shield(self._refreshing)
            if self._seconds() - self._fetched_at >= STALE_SECONDS:
                raise Transient("keys_away")

    async def _refresh(self) -> None:
        """Fetch them, unless it was tried a short while ago."""
        if self._seconds() < self._next_try_at and not self._fetching.locked():
            return
        async with self._fetching:  # who waits here finds what the one before fetched
            await self._try()

    async def _try(self) -> None:
        now = self._seconds()
        if now < self._next_try_at:
            return
        self._next_try_at = now + self._backoff
        try:
            held = read_keys(await self._fetch())
        except (httpx.HTTPError, BadKeys) as error:
            self._backoff = min(self._backoff * 2, BACKOFF_SECONDS[1])
            log.warning("keys_not_fetched", reason=type(error).__name__)
            return
        self._backoff = BACKOFF_SECONDS[0]
        self._fetched_at = now
        if held != self._held:
            self._held = held
            self.generation += 1

    async def _fetch(self) -> bytes:
        held = bytearray()
        async with self._http.stream("GET", self._url, headers={"Accept": "application/json"}) as answer:
            answer.raise_for_status()  # also where it leads elsewhere
            async for piece in answer.aiter_bytes():
                held += piece
                if len(held) > _BYTES_MAX:
                    raise BadKeys("too large")
        return bytes(held)

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
        await self._http.aclose()


def keys_from(place: str, seconds: Callable[[], float]) -> Keys:
    """Return the keys at a file's path or a URL. Errors: ValueError where a URL is not encrypted and leaves this machine."""
    if "://" not in place:
        return FileKeys(Path(place), seconds)
    url = urlsplit(place)
    if url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.hostname or "")):
        return UrlKeys(place, seconds)
    raise ValueError("keys come from a file or by https")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_revoked(told: bytes) -> frozenset[str]:
    """Read the ids of revoked tokens: a JSON object, each with when its token ends. Errors: ValueError."""
    return frozenset(msgspec.json.decode(told, type=dict[str, float]))
