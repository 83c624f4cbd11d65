"""The simulated payer: what it will send is written down with the claim, and handed in at the front door when it is due.

Its letters are written in the transaction that books the claim, and each leaves its table in the one that makes it an interchange:
killed anywhere, each comes once.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import structlog

from libs.common.clock import Clock
from libs.common.database import Database, wake
from libs.common.ids import named_id, uuid7
from libs.common.worker import work_off
from libs.synthetic.sandbox import ANSWERED_AFTER, answer
from libs.x12 import Claim
from services.ingest.packing import pack, unpack
from services.ingest.received import Received
from services.ingest.sandbox import store
from services.ingest.sandbox.store import Letter
from services.ingest.store import CHANNEL, insert_interchange

log = structlog.get_logger()

_POLL_SECONDS = 0.5
_AT_ONCE = 200


@dataclass(frozen=True)
class Sandbox:
    """Whose payer is simulated, and how long after a claim its 835 comes."""

    tenants: frozenset[str] = frozenset()
    answered_after: timedelta = ANSWERED_AFTER

    def letters(self, received: Received, claims: Iterable[Claim]) -> Iterator[Letter]:
        """Yield what will be sent to new claims: nothing where the tenant has a real payer."""
        if received.tenant_id not in self.tenants:
            return
        for claim in claims:
            try:
                sent = answer(claim, received.received_at, self.answered_after)
            except ValueError:  # no file can say what the claim says; of a real payer nothing would come either
                log.warning("sandbox_cannot_answer", claim_type=claim.claim_type)
                continue
            for after, body in sent:
                yield Letter(received.tenant_id, received.received_at + after, uuid7(), pack(body), received.traceparent)


class SandboxPayer:
    """Hands in what is due, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, tenants: frozenset[str]) -> None:
        self._database = database
        self._clock = clock
        self._tenants = tenants

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.hand_in, idle_seconds=_POLL_SECONDS, waiting="sandbox_waits")

    async def hand_in(self) -> int:
        """Make interchanges of some of what is due, as `POST /v1/interchanges` does; return how many."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            letters = await store.take_due(tx, self._tenants, now, _AT_ONCE)
            for each in letters:
                body = unpack(each.packed)
                sha256 = hashlib.sha256(body).hexdigest()
                received = Received(each.tenant_id, named_id("interchange", each.tenant_id, sha256), now, each.traceparent)
                await insert_interchange(tx, received, sha256, len(body), [each.packed])
            if letters:
                await wake(tx, CHANNEL)  # what was told last was the size of one of them
        return len(letters)
