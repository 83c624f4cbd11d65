"""How much one tenant may ask of a process: requests a second, and a share of what there is little of.

A process counts for itself: behind a balancer over N of them a tenant has N times as much. What is left is told by the fields
`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11).
"""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from libs.common.http.problem import Problem

_BURST_SECONDS = 2.0
Told = tuple[tuple[bytes, bytes], ...]  # headers of an answer
_TEXT = {"schema": {"type": "string"}}
DESCRIBED = {  # for an OpenAPI document
    "RateLimit": {
        **_TEXT,
        "description": "how many requests are left (`r`) to the tenant at this process for so many seconds (`t`)",
        "example": '"requests";r=997;t=2',
    },
    "RateLimit-Policy": {
        **_TEXT,
        "description": "how many requests of a tenant (`q`) a process takes within so many seconds (`w`)",
        "example": '"requests";q=1000;w=2',
    },
}
_PLACE_SECONDS = 2
_ROOM_SECONDS = 0.06  # little beside what an answer takes when all is busy
_NO_BURST_SECONDS = 1.0  # after somebody was sent away; he is told to come back after as long
_HARDLY_SECONDS = 0.01


@dataclass
class _Bucket:
    left: float
    at: float


class Rates:
    """A bucket of requests for each tenant: it fills at `per_second`, and holds what comes in two seconds."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * _BURST_SECONDS)
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        window = math.ceil(self._most / per_second)
        self._policy = f'"requests";q={self._most:.0f};w={window}'
        self._told_policy = (b"ratelimit-policy", self._policy.encode())
        # Whoever asks evenly for what is left within the window asks less than comes in: the fields lead nobody beyond the rate.
        self._window = b";t=%d" % window

    def take(self, tenant_id: str) -> Told:
        """Count a request; return what its answer says of that.

        Errors: Problem 429 (`too-many-requests`), with the seconds to wait.
        """
        now = self._clock()
        bucket = self._buckets.setdefault(tenant_id, _Bucket(self._most, now))
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.left < 1:
            wait = math.ceil((1 - bucket.left) / self._per_second)
            detail = f"A tenant may send {self._per_second:g} requests a second to this process; wait and send again."
            raise Problem(429, "too-many-requests", detail, headers=_nothing_left("requests", self._policy, wait))
        bucket.left -= 1
        return self._told_policy, (b"ratelimit", b'"requests";r=%d%b' % (bucket.left, self._window))


def _nothing_left(name: str, policy: str, wait_seconds: int) -> dict[str, str]:
    """Return the headers of who must wait: the window in which nothing is left ends when `Retry-After` says."""
    return {"Retry-After": str(wait_seconds), "RateLimit-Policy": policy, "RateLimit": f'"{name}";r=0;t={wait_seconds}'}


def nothing_left(name: str, quota: int, unit: str, wait_seconds: int) -> dict[str, str]:
    """Return the headers of who has used up a share of something other than requests a second."""
    return _nothing_left(name, f'"{name}";q={quota};qu="{unit}"', wait_seconds)


def busy() -> Problem:
    return Problem(503, "busy", "Too many requests at once; try again shortly.", headers={"Retry-After": "1"})


class Room:
    """Room for so many requests at once: more would only wait for one another, each longer, and all would be answered late.

    A burst is no overload: who finds none waits for a moment, in turn. Where even that was in vain it is one, and for a while
    nobody waits to speak of, and there is room for a few alone: as many as are served as fast as can be. More would only come
    later, and no more of them.
    """

    def __init__(self, most: int, few: int) -> None:
        self._most = most
        self._free = asyncio.Semaphore(most)
        self._free_in_overload = asyncio.Semaphore(few)
        self._overloaded_until = 0.0
        self._let_in = 0

    def lets_in(self) -> bool:
        """Say whether one more may come and look for room: always, but in an overload only as many in each turn of the event loop.

        To send somebody away from within costs a good part of what it costs to serve him; and who is served needs many turns, each
        of which lasts as long as all that is sent away in it.
        """
        loop = asyncio.get_running_loop()
        if loop.time() >= self._overloaded_until:
            return True
        if not self._let_in:
            loop.call_soon(self._turn)
        self._let_in += 1
        return self._let_in <= self._most

    def _turn(self) -> None:
        self._let_in = 0

    async def enter(self) -> Callable[[], None]:
        """Take room; return what gives it back. Errors: Problem 503 (`busy`) when there is none for a moment."""
        now = asyncio.get_running_loop().time
        free, seconds = self._free, _ROOM_SECONDS
        if now() < self._overloaded_until:
            free, seconds = self._free_in_overload, _HARDLY_SECONDS
        try:
            async with asyncio.timeout(seconds):
                await free.acquire()
        except TimeoutError:
            self._overloaded_until = now() + _NO_BURST_SECONDS
            raise busy() from None
        return free.release

    async def look(self) -> None:
        """Errors: as `enter`; takes nothing."""
        leave = await self.enter()
        leave()


class Places:
    """Places for what takes much while it lasts, such as an upload: some in all, half of them for one tenant at most."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)
        self._each = max(1, count // 2)
        self._held: Counter[str] = Counter()

    @asynccontextmanager
    async def hold(self, tenant_id: str) -> AsyncIterator[None]:
        """Errors: Problem 429 (`too-many-uploads`, the tenant has its half), 503 (`busy`, all are taken)."""
        if self._held[tenant_id] >= self._each:
            detail = f"A tenant may send {self._each} bodies at once; try again shortly."
            headers = nothing_left("uploads", self._each, "concurrent-requests", _PLACE_SECONDS)
            raise Problem(429, "too-many-uploads", detail, headers=headers)
        if self._free.locked():
            headers = {"Retry-After": str(_PLACE_SECONDS)}
            raise Problem(503, "busy", "Too many uploads at once; try again shortly.", headers=headers)
        self._held[tenant_id] += 1
        try:
            async with self._free:
                yield
        finally:
            self._held[tenant_id] -= 1
            if not self._held[tenant_id]:
                del self._held[tenant_id]
