"""`appeal.filed`: something was sent to a payer to change a denial: an appeal at one level, a corrected claim, or documents.

The descriptions of the fields are published: `make docs` writes them into docs/events.
"""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "appeal.filed"
TYPE = "recours.appeal.filed.v1"

LEVEL = (
    "One word of the glossary's list of appeal levels, such as `redetermination` or `external_review`; "
    "absent where no appeal was filed."
)


class AppealFiledV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """One filing. Key: `claim_key`. Sequence: the case's version."""

    appeal_id: Annotated[UUID, Meta(description="Names this filing; its decision carries the same id.")]
    case_id: Annotated[UUID, Meta(description="The case that it belongs to; a case may be filed several times, level by level.")]
    denial_id: Annotated[UUID, Meta(description="The denial that it contests.")]
    denial_revision: Annotated[int, Meta(description="The judgement of the denial that stood when it was filed.")]
    remit_id: Annotated[UUID, Meta(description="The remit that was denied.")]
    claim_key: Annotated[
        UUID, Meta(description="Routes: tenant and normalised patient control number; it does not identify a claim.")
    ]
    payer_id: Annotated[str, Meta(description="TRN03 of the denied remit; empty where the payer gives none.")]
    payer_name: Annotated[str, Meta(description="N102 of the payer: an organisation.")]
    action: Annotated[
        str,
        Meta(description="What was sent: `appeal`, `correct_and_resubmit` or `send_documents`; more may come."),
    ]
    category: Annotated[str, Meta(description="The denial's category; treat an unknown one as `other`.")]
    disputed_cents: Annotated[int, Meta(description="What is asked for; cents.")]
    channel: Annotated[
        str, Meta(description="How it went: portal, fax, mail, clearinghouse, electronic, folder, https; more may come.")
    ]
    filed_on: Annotated[date, Meta(description="The day of filing, as the payer would count it.")]
    filed_at: Annotated[datetime, Meta(tz=True, description="When it was recorded; UTC.")]
    level: Annotated[str | None, Meta(description=LEVEL)] = None
    due_on: Annotated[date | None, Meta(description="The last day for this filing; absent: unknown.")] = None
    packet_sha256: Annotated[str | None, Meta(description="Of the packet that was sent, in hex; absent: none.")] = None
