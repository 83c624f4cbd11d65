"""What the end of sending documents leaves behind: an entry of the case's log, or a request that is open again.

In the transaction in which the end is written, so that it is done once.
"""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.ids import uuid7
from libs.common.people import SYSTEM
from services.appeals import store as cases
from services.appeals.correspondence import store as correspondence
from services.appeals.correspondence.promises import missed_from
from services.appeals.correspondence.store import Entry
from services.appeals.filing.store import Delivery
from services.appeals.payers import store as payers
from services.appeals.records import store
from services.appeals.records.attaching import reopened

ACTION: Final = "send_documents"
_PARTY_LENGTH, _REFERENCE_LENGTH = 200, 80


async def hold(tx: AsyncConnection, delivery: Delivery) -> None:
    """Lock the case with the others of its account."""
    await cases.lock_row(tx, delivery.tenant_id, delivery.case_id)


async def sent(tx: AsyncConnection, delivery: Delivery, receipt: str, now: datetime) -> None:
    """Log that a 275 went, and that the payer owes an answer from the day on which it is to be asked about it."""
    told = await store.let_go_answer(tx, delivery.tenant_id, delivery.appeal_id)
    if told is None:
        raise AssertionError("an answer that was sent and is not there")
    payer = await payers.payer(tx, delivery.tenant_id, told["payer_id"])
    entry = Entry(
        tenant_id=delivery.tenant_id,
        entry_id=uuid7(),
        case_id=delivery.case_id,
        version=1,
        kind="electronic",
        direction="out",
        party=(told["payer_name"] or told["payer_id"] or delivery.channel)[:_PARTY_LENGTH],
        reference_number=receipt[:_REFERENCE_LENGTH],
        said=f"275 in answer to request {told['trace']}: {told['documents']} document(s) in {told['sets']} set(s).",
        at=now,
        promise="A decision on what was sent.",
        promised_on=told["next_check_on"],
        promise_is="open",
        look_at=missed_from(told["next_check_on"], payer.zone),
        logged_at=now,
        logged_by=SYSTEM,
    )
    await correspondence.insert(tx, entry)


async def undelivered(tx: AsyncConnection, delivery: Delivery, now: datetime) -> None:
    """Let what was to be answered be open again."""
    await store.let_go_answer(tx, delivery.tenant_id, delivery.appeal_id)
    await reopened(tx, (delivery.tenant_id, delivery.case_id), delivery.appeal_id, now)
