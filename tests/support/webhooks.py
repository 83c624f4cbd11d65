"""What webhooks are to tell, queued for certain: other tests' transactions hold up what is told, as anybody's do."""

import asyncio

from libs.common.clock import Clock
from libs.common.database import Database
from services.analytics.webhooks import queue
from services.analytics.webhooks.fanning import FanOut


async def queue_all(database: Database, clock: Clock) -> None:
    """Queue all that is new, and what replays ask for."""
    fanning = FanOut(database, clock)
    async with asyncio.timeout(60):
        while True:
            done = await fanning.queue_some()
            async with database.begin() as tx:
                if not done and not await queue.new_tenants(tx):
                    return
            await asyncio.sleep(0.02)
