"""How much one tenant may ask of a process: requests a second, and a share of what there is little of.

A process counts for itself: behind a balancer over N of them a tenant has N times as much.
"""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from libs.common.http.problems import Problem

_BURST_SECONDS = 2.0


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

    def take(self, tenant_id: str) -> None:
        """Count a request. Errors: Problem 429 (`too-many-requests`), with the seconds to wait."""
        now = self._clock()
        bucket = self._buckets.setdefault(tenant_id, _Bucket(self._most, now))
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.left < 1:
            wait = math.ceil((1 - bucket.left) / self._per_second)
            detail = f"A tenant may send {self._per_second:g} requests a second to this process; wait and send again."
            raise Problem(429, "too-many-requests", detail, headers={"Retry-After": str(wait)})
        bucket.left -= 1


class Places:
    """Places for what takes much while it lasts, such as an upload: some in all, half of them for one tenant at most."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)
        self._each = max(1, count // 2)
        self._held: Counter[str] = Counter()

    @asynccontextmanager
    async def hold(self, tenant_id: str) -> AsyncIterator[None]:
        """Errors: Problem 429 (`too-many-uploads`, the tenant has its half), 503 (`busy`, all are taken)."""
        wait = {"Retry-After": "2"}
        if self._held[tenant_id] >= self._each:
            raise Problem(
                429, "too-many-uploads", f"A tenant may send {self._each} bodies at once; try again shortly.", headers=wait
            )
        if self._free.locked():
            raise Problem(503, "busy", "Too many uploads at once; try again shortly.", headers=wait)
        self._held[tenant_id] += 1
        try:
            async with self._free:
                yield
        finally:
            self._held[tenant_id] -= 1
            if not self._held[tenant_id]:
                del self._held[tenant_id]
