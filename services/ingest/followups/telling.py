"""Steps of follow-ups, written and told to others (`followup.changed`): what opened, changed or is over; not who owns it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts import followup_changed
from libs.common.contracts.envelope import Event, first_event
from libs.common.contracts.followup_changed import FollowupChangedV1
from libs.common.ids import claim_key
from libs.common.messaging import outbox
from services.ingest.followups import store
from services.ingest.followups.lifecycle import Followup, Step


async def write(tx: AsyncConnection, tenant_id: str, steps: Sequence[Step], traceparent: str | None = None) -> None:
    """Write what changed and how that came to be, and tell of it in the same transaction."""
    await store.write(tx, tenant_id, steps)
    await outbox.append(tx, [_event(tenant_id, each.after, traceparent) for each in steps if each.what != "edited"])


def _event(tenant_id: str, told: Followup, traceparent: str | None) -> Event:
    account = _account(tenant_id, told)
    data = FollowupChangedV1(
        followup_id=told.followup_id,
        revision=told.version,
        kind=told.kind,
        subject=told.about.subject,
        subject_id=told.about.subject_id,
        payer_id=told.about.payer_id,
        payer_name=told.about.payer_name,
        amount_cents=told.amount_cents,
        due_on=told.due_on,
        status=told.status,
        opened_at=told.opened_at,
        changed_at=told.changed_at,
        claim_key=account,
        resolved_by=told.resolved_by,
    )
    return first_event(
        followup_changed.TOPIC,
        followup_changed.TYPE,
        data,
        key=account or told.about.subject_id,
        tenant_id=tenant_id,
        sequence=told.version,
        correlation_id=str(told.followup_id),
        traceparent=traceparent,
    )


def _account(tenant_id: str, told: Followup) -> UUID | None:
    number = told.about.patient_control_number
    return claim_key(tenant_id, number) if number else None
