"""How far each service is, looked at many times a second: how long work stood still, and when it was back at its full rate."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
from msgspec import Struct

from deploy.local.layout import SERVICES
from tests.chaos.site import Site
from tests.support.beside import Beside

_LOOK_SECONDS = 0.1
IN_TIME_SECONDS = 2.0  # what came longer ago is late; undisturbed, it takes a fraction of a second
_QUERY = "SELECT COALESCE(sum(remits), 0) FROM ledger_days WHERE day BETWEEN make_date($1, 1, 1) AND make_date($1, 12, 31)"
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Look(Struct, frozen=True):
    """How many claims all services have booked at a moment (of the monotonic clock)."""

    at: float
    booked: int


class Watch(Beside):
    """Looks while it is entered, at a server that may go away and come back."""

    def __init__(self, site: Site, year: int) -> None:
        self._site, self._year = site, year
        self.looks: list[Look] = []
        self._booked = dict.fromkeys(SERVICES, 0)
        super().__init__(lambda: asyncio.run(self._look_on()))

    async def _look_on(self) -> None:
        connections: dict[str, asyncpg.Connection[Any]] = {}
        while not self._end.is_set():
            await asyncio.gather(*(self._ask(service, connections) for service in SERVICES))
            self.looks.append(Look(time.monotonic(), min(self._booked.values())))
            await asyncio.sleep(_LOOK_SECONDS)
        for connection in connections.values():
            connection.terminate()

    async def _ask(self, service: str, connections: dict[str, Any]) -> None:
        """Ask one service's database; as long as it does not answer, nothing is known to have moved."""
        try:
            if service not in connections:
                connections[service] = await asyncpg.connect(self._site.database_url(service), timeout=1, command_timeout=1)
            self._booked[service] = int(await connections[service].fetchval(_QUERY, self._year))
        except _AWAY:
            with contextlib.suppress(KeyError):
                connections.pop(service).terminate()

    def late(self, due: Sequence[tuple[float, int]], since: float = 0.0) -> list[float]:
        """Return the moments since then at which something was late. `due`: when how many claims came."""
        return [look.at for look in list(self.looks) if look.at >= since and look.booked < _came(due, look.at - IN_TIME_SECONDS)]

    def delay(self, due: Sequence[tuple[float, int]]) -> float:
        """Return how long the oldest claim that is not through all services has waited by now."""
        booked = self.looks[-1].booked if self.looks else 0
        for when, claims in list(due):
            booked -= claims
            if booked < 0:
                return max(0.0, time.monotonic() - when)
        return 0.0

    def longest_stall(self, since: float) -> float:
        """Return the longest time since then, in seconds, in which nothing was booked that is through all services."""
        looks = [look for look in list(self.looks) if look.at >= since]
        longest, last = 0.0, looks[0] if looks else Look(since, 0)
        for look in looks:
            longest = max(longest, look.at - last.at)
            if look.booked > last.booked:
                last = look
        return longest


def _came(due: Sequence[tuple[float, int]], at: float) -> int:
    return sum(claims for when, claims in due if when <= at)
