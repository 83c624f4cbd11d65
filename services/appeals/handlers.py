"""What appeals does with batches of denials (a case for each that can be pursued) and of remits (its ledger)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Event, Received
from libs.common.ids import named_id
from services.appeals import store
from services.appeals.deadlines.clocks import Facts
from services.appeals.store import Change, Denial
from services.appeals.workflow import Case, CaseState, Decision, Revision, Step, decide
from services.appeals.worklist import placing
from services.appeals.worklist import store as worklist

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
    placed = await worklist.enter(tx, *_entries(changes), now)
    dated = [_dated(change, placed[change.tenant_id, change.case_id]) for change in changes]
    await store.save(tx, dated, now)
    await store.tell(tx, steps)
    return _NO_EVENTS


def _entries(changes: Sequence[Change]) -> tuple[list[placing.Case], dict[store.Key, str]]:
    """Return the cases as the worklist takes them, the last change of each, and the names of their payers."""
    last = {(change.tenant_id, change.case_id): change for change in changes}
    entered = [
        placing.Case(
            tenant_id=change.tenant_id,
            case_id=change.case_id,
            state=change.case.state or CaseState.OPEN,
            payer_id=change.denial.payer_id,
            category=change.denial.category,
            denied_cents=change.denial.denied_cents,
            told=_told(change.denial),
        )
        for _, change in sorted(last.items())
    ]
    return entered, {key: change.denial.payer_name for key, change in last.items()}


def _told(denial: Denial) -> placing.Told:
    facts = Facts(
        action=denial.action,
        alternative_actions=denial.alternative_actions,
        payment_on=denial.payment_on,
        payer_kind=denial.payer_kind,
        service_from_on=denial.service_from_on,
        appeal_by=denial.appeal_by,
        correct_by=denial.correct_by,
    )
    return placing.Told(facts, denial.overturn_probability, denial.expected_value_cents)


def _dated(change: Change, placed: placing.Placed) -> Change:
    return replace(change, appeal_by_on=placed.appeal_by_on, correct_by_on=placed.correct_by_on)
