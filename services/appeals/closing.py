"""Steps of cases, kept and, where they close a case or take it up again, told to others (`case.closed`).

In the transaction of the step, whoever takes it: a person, the clock, a revision of the denial, a remittance.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts import case_closed
from libs.common.contracts.case_closed import CaseClosedV1, ClosedAs
from libs.common.contracts.envelope import Event, first_event
from libs.common.messaging import outbox
from services.appeals import store
from services.appeals.store import Key
from services.appeals.workflow import ENDED, LEAVES_END, CaseState, Step


async def tell(tx: AsyncConnection, steps: Sequence[tuple[Key, Step]], traceparent: str | None = None) -> None:
    """Add steps to the history of their cases, which are written already, and tell of those that closed or are closed no more."""
    await store.tell(tx, steps)
    first: dict[Key, int] = {}
    last: dict[Key, Step] = {}
    may_leave: set[Key] = set()
    for key, step in steps:
        first.setdefault(key, step.version)
        last[key] = step
        if step.command in LEAVES_END:
            may_leave.add(key)
    asked = {key: first[key] for key, step in last.items() if step.state in ENDED or key in may_leave}
    if not asked:
        return
    told = []
    for key, row in (await store.before_steps(tx, asked)).items():
        step = last[key]
        if step.state in ENDED or row["state_before"] in ENDED:
            told.append(_event(key, row, step, traceparent))
    await outbox.append(tx, told)


def _event(key: Key, row: Mapping[str, Any], step: Step, traceparent: str | None) -> Event:
    tenant_id, case_id = key
    data = CaseClosedV1(
        case_id=case_id,
        denial_id=row["denial_id"],
        remit_id=row["remit_id"],
        claim_key=row["claim_key"],
        payer_id=row["payer_id"],
        payer_name=row["payer_name"],
        category=row["category"],
        left_cents=max(row["denied_cents"] - row["recovered_cents"], 0),
        closed_on=step.at.date(),
        closed_at=step.at,
        closed_as=_closed_as(step.state),
    )
    return first_event(
        case_closed.TOPIC,
        case_closed.TYPE,
        data,
        key=row["claim_key"],
        tenant_id=tenant_id,
        sequence=step.version,
        correlation_id=str(case_id),
        traceparent=traceparent,
    )


def _closed_as(state: CaseState) -> ClosedAs | None:
    return cast("ClosedAs", state.value) if state in ENDED else None
