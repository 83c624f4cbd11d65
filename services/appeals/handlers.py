"""What appeals does with batches of denials (a case for each that can be pursued) and of remits (its ledger)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Event, Received
from libs.common.ids import named_id
from services.appeals import store
from services.appeals.store import Change, Denial
from services.appeals.workflow import Revision, decide

_NO_EVENTS: Final[Sequence[Event]] = ()


async def handle_denials(tx: AsyncConnection, denials: Sequence[Received[Denial]], now: datetime) -> Sequence[Event]:
    """Open, change and close cases; the highest revision of a denial wins whatever the order of arrival."""
    ids = {(denial.tenant_id, named_id("case", str(denial.data.denial_id))) for denial in denials}
    known = dict(await store.known_cases(tx, ids))
    changes = []
    for received in denials:
        denial = received.data
        key = (received.tenant_id, named_id("case", str(denial.denial_id)))
        state, version, revision = known.get(key, (None, 0, 0))
        judged = Revision(denial.revision, denial.status == "retracted", denial.recoverable)
        following = decide(state, revision, judged)
        if following is None:
            continue
        changes.append(Change(received.tenant_id, key[1], version + 1, following, judged.command, denial))
        known[key] = (following, version + 1, denial.revision)
    await store.save(tx, changes, now)
    return _NO_EVENTS
