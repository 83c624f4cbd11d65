"""A job of the worker: the bytes of packets that were forgotten go.

Each packet in one transaction that holds its row: killed in the middle, it is swept again; who asks for the packet anew waits for
the end and has it built again.
"""

from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.worker import catch_up, work_off
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.sweep import GRACE
from services.appeals.letters import packet_store

log = structlog.get_logger()

_REST_SECONDS: Final = 3600.0


class PacketSweep:
    """Sweeps once an hour, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, packets: Blobs) -> None:
        self._database = database
        self._clock = clock
        self._packets = packets

    async def run(self) -> None:
        await work_off(self.sweep, idle_seconds=_REST_SECONDS, waiting="packet_sweep_waits")

    async def sweep(self) -> int:
        """Sweep all whose grace is over, which those have who send or read at this moment; return how many. Errors: Transient."""
        count = await catch_up(self._sweep_one) + await self._packets.discard_unfinished(self._clock.now() - GRACE)
        if count:
            log.info("packets_swept", count=count)
        return count

    async def _sweep_one(self) -> int:
        now = self._clock.now()
        async with self._database.begin() as tx:
            found = await packet_store.to_sweep(tx, now - GRACE)
            if found is None:
                return 0
            tenant_id, packet_id = found
            await self._packets.discard_under(tenant_id, str(packet_id))
            await packet_store.swept(tx, tenant_id, packet_id, now)
        return 1
