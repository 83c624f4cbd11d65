"""A job: what is new is numbered and queued for each webhook that subscribed; what is asked for again, again.

Whoever lets something happen only keeps it. Tenants take turns, a piece each, so that one with a month of files holds up no other.
Killed anywhere, it begins again: numbers and queue are one transaction.
"""

from typing import Final

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import look_again
from services.analytics.webhooks import queue
from services.analytics.webhooks.messages import CHANNEL

_PIECE: Final = 1_000
_FENCED_SECONDS: Final = 0.5  # something is there, and an older transaction still open: it may end without anybody's telling


class FanOut:
    """Queues for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self.queue_some, waiting="webhooks_wait", orders=self._database.listener, channel=CHANNEL)

    async def queue_some(self) -> float | None:
        """Queue a piece of what each tenant has, and of one replay; return how long to rest after it, None if there is nothing."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            tenants = await queue.new_tenants(tx)
        done = 0
        for tenant_id in tenants:
            async with self._database.begin() as tx:
                done += await queue.fan_out(tx, tenant_id, now, _PIECE)
        async with self._database.begin() as tx:
            done += await queue.replay_some(tx, now, _PIECE)
        if done:
            return 0.0
        return _FENCED_SECONDS if tenants else None
