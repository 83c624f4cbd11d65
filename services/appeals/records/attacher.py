"""A job of the worker: requests for records that came before their case are attached when it is there."""

from typing import Final

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import work_off
from services.appeals.records import store
from services.appeals.records.attaching import attach

_AT_ONCE: Final = 100
_POLL_SECONDS: Final = 15.0


class Attacher:
    """Attaches, for ever. Several may run: who comes second finds nothing left."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.attach_some, idle_seconds=_POLL_SECONDS, waiting="requests_wait")

    async def attach_some(self) -> int:
        """Attach what waits of some accounts; return how many accounts."""
        async with self._database.begin() as tx:
            accounts = await store.attachable(tx, _AT_ONCE)
            if accounts:
                await attach(tx, accounts, self._clock.now())
        return len(accounts)
