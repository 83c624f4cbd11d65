"""How much of one tenant may wait to be read: beyond that it is told to come back, and the disk is left to all."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import text

from libs.common.database import Database
from libs.common.http.problem import Problem
from libs.common.http.rates import nothing_left

_KNOWN_SECONDS: Final = 1.0  # summed anew for each file, a long queue would make its own end slow to reach
_RETRY_SECONDS: Final = 30

_WAITING = text(
    "SELECT COALESCE(sum(size_bytes), 0) FROM interchanges WHERE tenant_id = :t AND status IN ('received', 'processing')"
)


class Waiting:
    """Knows, to a second, how many bytes of files of each tenant wait."""

    def __init__(self, bytes_max: int, clock: Callable[[], float]) -> None:
        self._bytes_max = bytes_max
        self._clock = clock
        self._known: dict[str, tuple[float, int]] = {}

    async def admit(self, database: Database, tenant_id: str) -> None:
        """Errors: Problem 429 (`too-much-waiting`) when a tenant's files that wait are as many bytes as they may be."""
        at, waiting = self._known.get(tenant_id, (float("-inf"), 0))
        if self._clock() - at >= _KNOWN_SECONDS:
            # Who comes meanwhile goes by what was known: if each asked, a burst would wait for connections until that is old again.
            self._known[tenant_id] = self._clock(), waiting
            async with database.begin(tenant_id) as tx:
                waiting = int((await tx.execute(_WAITING, {"t": tenant_id})).scalar_one())
            self._known[tenant_id] = self._clock(), waiting
        if waiting >= self._bytes_max:
            detail = f"Files of {self._bytes_max} bytes wait to be read; send more when they are."
            headers = nothing_left("waiting", self._bytes_max, "content-bytes", _RETRY_SECONDS)
            raise Problem(429, "too-much-waiting", detail, headers=headers)
