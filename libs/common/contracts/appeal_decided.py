"""`appeal.decided`: how a contested denial ended, by the payer's next remittance or as a person recorded it.

A later remittance can change an outcome (more is paid, or a payment is taken back): the same `appeal_id` comes again with the next
`revision`, and consumers keep the highest. Each recovered cent is in exactly one appeal.
The descriptions of the fields are published: `make docs` writes them into docs/events.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from libs.common.contracts.appeal_filed import LEVEL

TOPIC = "appeal.decided"
TYPE = "recours.appeal.decided.v1"


class AppealDecidedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """One outcome. Key: `claim_key`. Sequence: the case's version."""

    appeal_id: Annotated[
        UUID, Meta(description="The filing that was decided; where nothing was filed, an id of its own for the case.")
    ]
    revision: Annotated[int, Meta(description="From 1; keep the highest.")]
    case_id: Annotated[UUID, Meta(description="The case that it belongs to.")]
    denial_id: Annotated[UUID, Meta(description="The denial that was contested.")]
    remit_id: Annotated[UUID, Meta(description="The remit that was denied.")]
    claim_key: Annotated[
        UUID, Meta(description="Routes: tenant and normalised patient control number; it does not identify a claim.")
    ]
    payer_id: Annotated[str, Meta(description="TRN03 of the denied remit; empty where the payer gives none.")]
    payer_name: Annotated[str, Meta(description="N102 of the payer: an organisation.")]
    action: Annotated[
        str,
        Meta(
            description="What was sent: `appeal`, `correct_and_resubmit` or `send_documents`; `none`: the payer changed it unasked."
        ),
    ]
    category: Annotated[str, Meta(description="The denial's category; treat an unknown one as `other`.")]
    outcome: Annotated[
        Literal["overturned", "partly_overturned", "upheld"],
        Meta(description="overturned: nothing in dispute is still refused; partly_overturned: a part is paid; upheld: no part."),
    ]
    disputed_cents: Annotated[int, Meta(description="What was asked for; cents.")]
    recovered_cents: Annotated[int, Meta(description="What this outcome brought, over all its remittances; cents.")]
    decided_by: Annotated[Literal["remittance", "person"], Meta(description="Read from a remittance, or recorded by a person.")]
    decided_on: Annotated[date, Meta(description="Payment day of the deciding remittance, or the day of the payer's letter.")]
    decided_at: Annotated[datetime, Meta(tz=True, description="When it was recorded; UTC.")]
    level: Annotated[str | None, Meta(description=LEVEL)] = None
    filed_on: Annotated[date | None, Meta(description="The day of filing; absent: nothing was filed.")] = None
    days: Annotated[int | None, Meta(description="From filing to decision; calendar days.")] = None
    deciding_remit_id: Annotated[UUID | None, Meta(description="The remit that decided it; absent: a person did.")] = None
