"""A job of the worker: sends what was filed through a channel that Recours serves itself, and writes down that it was sent.

That it is to be sent stands in the transaction of the filing. Who sends leases it, sends under its one name, writes the receipt. A
kill before the lease changes nothing; after it the parcel goes again when the lease is over, under the same name: it arrives once.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.signed_post import Undeliverable
from libs.common.worker import work_off
from services.appeals.documents.blobs import Blobs
from services.appeals.filing import store
from services.appeals.filing.channels import PDF, X12, Channel, Parcel
from services.appeals.filing.store import Delivery
from services.appeals.records import ending

log = structlog.get_logger()

LEASE: Final = timedelta(minutes=10)
SEND_SECONDS: Final = (
    540.0  # for a whole parcel, its files fetched and posted: less than the lease, or another would send beside this one
)
_IDLE_SECONDS: Final = 2.0
_AGAIN_AFTER: Final = timedelta(seconds=30)
_AGAIN_MAX: Final = timedelta(hours=6)
_DOUBLINGS_MAX: Final = 12


class Sender:
    """Sends one parcel after the other, for ever. Several may run."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        documents: Blobs,
        packets: Blobs,
        channels: Mapping[str, Channel],
        *,
        seconds: float = SEND_SECONDS,
    ) -> None:
        self._seconds = seconds
        self._database = database
        self._clock = clock
        self._documents = documents
        self._packets = packets
        self._channels = channels

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.send_one, idle_seconds=_IDLE_SECONDS, waiting="sending_waits")

    async def send_one(self) -> bool:
        """Send what has waited longest; False where nothing waits."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            found = await store.lease_delivery(tx, list(self._channels), now, now + LEASE)
        if found is None:
            return False
        try:
            async with asyncio.timeout(self._seconds):
                receipt = await self._send(found)
        except Undeliverable as error:
            log.warning("undeliverable", reason=error.reason)
            await self._end(found, "failed", None, error.reason)
        except (Transient, TimeoutError) as error:
            log.warning("sending_waits", error=str(error) or "too_slow")
            wait = min(_AGAIN_AFTER * 2 ** min(found.attempts, _DOUBLINGS_MAX), _AGAIN_MAX)
            async with self._database.begin() as tx:
                await store.put_off(tx, found, self._clock.now() + wait)
        else:
            await self._end(found, "sent", receipt, None)
        return True

    async def _end(self, found: Delivery, status: str, receipt: str | None, reason: str | None) -> None:
        """Write how it ended, once; what answered a request for records leaves more to write."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            if found.action == ending.ACTION:
                await ending.hold(tx, found)  # the account before the delivery, as everybody does
            if not await store.end_delivery(tx, found, status, receipt, reason, now):
                return
            if found.trace is not None and receipt is not None:
                await ending.sent(tx, found, receipt, now)
            elif found.action == ending.ACTION and receipt is None:
                await ending.undelivered(tx, found, now)

    async def _send(self, found: Delivery) -> str:
        with tempfile.TemporaryDirectory(prefix="recours-parcel-") as folder:
            files = await self._fetch(found, Path(folder))
            manifest = {
                "appeal_id": str(found.appeal_id),
                "case_id": str(found.case_id),
                "action": found.action,
                "level": found.level,
                "payer_id": found.payer_id,
                "payer_claim_control_number": found.payer_claim_control_number,
                "packet_sha256": found.packet_sha256,
                "filed_on": str(found.filed_on),
                **({"trace": found.trace} if found.trace is not None else {}),
            }
            media_type = PDF if found.trace is None else X12
            parcel = Parcel(f"appeal-{found.appeal_id}", manifest, files, found.packet_sha256, media_type)
            return await self._channels[found.channel].send(parcel, self._clock.now())

    async def _fetch(self, found: Delivery, folder: Path) -> tuple[Path, ...]:
        """Write what is to be sent into files. Errors: Undeliverable where it is gone; Transient."""
        if found.parts:
            source, held = self._packets, [(str(each["key"]), int(each["size_bytes"])) for each in found.parts]
        elif found.key is not None:
            source, held = self._documents, [(found.key, found.size_bytes)]
        else:
            raise Undeliverable("packet_gone")
        files = []
        for number, (key, size_bytes) in enumerate(held):
            path = folder / str(number)
            with path.open("w+b") as file:
                await source.fetch(key, size_bytes, file)
            files.append(path)
        return tuple(files)
