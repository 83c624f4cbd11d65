"""What appeals does with batches of denials (a case for each that can be pursued) and of remits (its ledger)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Event, Received
from libs.common.ids import named_id
from services.appeals import store
from services.appeals.store import Change, Denial
from services.appeals.workflow import Case, Decision, Revision, Step, decide

_NO_EVENTS: Final[Sequence[Event]] = ()


async def handle_denials(tx: AsyncConnection, denials: Sequence[Received[Denial]], now: datetime) -> Sequence[Event]:
    """Open, change and close cases; the highest revision of a denial wins whatever the order of arrival."""
    keys = [(denial.tenant_id, named_id("case", str(denial.data.denial_id))) for denial in denials]
    known = await store.known_cases(tx, set(keys))
    changes: list[Change] = []
    steps: list[tuple[store.Key, Step]] = []
    for key, denial in zip(keys, (received.data for received in denials), strict=True):
        revision = Revision(denial.revision, denial.status == "retracted", denial.recoverable)
        decision = decide(known.get(key, Case()), revision, now)
        if isinstance(decision, Decision) and decision.steps:
            known[key] = decision.case
            changes.append(Change(*key, decision.case, denial))
            steps += [(key, step) for step in decision.steps]
    await store.save(tx, changes, now)
    await store.tell(tx, steps)
    return _NO_EVENTS
