"""`followup.changed`: something of ingest's that somebody has to follow up was found, changed, or is over.

The descriptions of the fields are published: `make docs` writes them into docs/events.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "followup.changed"
TYPE = "recours.followup.changed.v1"


class FollowupChangedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """One follow-up as it stands. Key: `claim_key`, or `subject_id` without one. Sequence: its `revision`; the highest holds."""

    followup_id: Annotated[UUID, Meta(description="The follow-up; the same one may open again.")]
    revision: Annotated[int, Meta(description="From 1; keep the highest. Some are not told: who owns it and notes are not.")]
    kind: Annotated[
        str,
        Meta(description="no_acknowledgement, unpaid, rejected_not_resent, filing_limit_near, underpaid, ...; more may come."),
    ]
    subject: Annotated[Literal["claim", "remit", "remittance", "deposit"], Meta(description="What it is about.")]
    subject_id: Annotated[UUID, Meta(description="Its claim_id, remit_id, remittance_id or deposit_id.")]
    payer_id: Annotated[str, Meta(description="The payer; empty where it is not known.")]
    payer_name: Annotated[str, Meta(description="An organisation.")]
    amount_cents: Annotated[int, Meta(description="What is at stake; of `underpaid`: what is missing; cents.")]
    due_on: Annotated[date, Meta(description="By when somebody should act; of `underpaid`: the day of the payment.")]
    status: Annotated[Literal["open", "resolved"], Meta(description="Whether something is to be done.")]
    opened_at: Annotated[datetime, Meta(tz=True, description="When it was first found; UTC.")]
    changed_at: Annotated[datetime, Meta(tz=True, description="When it came to stand so; UTC.")]
    claim_key: Annotated[
        UUID | None,
        Meta(description="Routes: tenant and normalised patient control number; absent: it is about no account."),
    ] = None
    resolved_by: Annotated[
        Literal["system", "person"] | None,
        Meta(description="system: its cause is gone; person: somebody says that it is dealt with; absent: it is open."),
    ] = None
