"""`claim.acknowledged`: what the front door of a payer or clearinghouse says of a claim, by 999 or 277CA, before it is adjudicated.

A rejection is no denial: the claim never reached adjudication and has to be corrected and sent again. Codes are opaque keys.
The descriptions of the fields are published: `make docs` writes them into docs/events.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "claim.acknowledged"
TYPE = "recours.claim.acknowledged.v1"


class AcknowledgedStatus(Struct, frozen=True, gc=False, omit_defaults=True):
    """One thing that the answer says of the claim or of one of its lines."""

    category: Annotated[
        str,
        Meta(
            description="Of a 277CA its category (A1, A2, A7, ...); of a 999 IK3: and the segment in error, or IK5: and its code."
        ),
    ]
    code: Annotated[str, Meta(description="Of a 277CA its status code; of a 999 the code of the element's or the segment's error.")]
    entity: Annotated[
        str | None, Meta(description="Of a 277CA whom it speaks of (85, QC, ...); of a 999 the position of the element.")
    ] = None
    line: Annotated[int | None, Meta(description="Counts the lines that the answer names, from 1; absent for the claim.")] = None
    line_control_number: Annotated[str | None, Meta(description="REF*6R: the number that the claim gave that line.")] = None


class ClaimAcknowledgedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """One answer to one claim. Key: `claim_key`. Sequence: the version of the account (`claim_key`)."""

    acknowledgement_id: Annotated[
        UUID, Meta(description="Names the answer: the same file read again gives the same one. Told again once its claim is known.")
    ]
    claim_key: Annotated[
        UUID, Meta(description="Routes: tenant and normalised patient control number; it does not identify a claim.")
    ]
    patient_control_number: Annotated[str, Meta(description="CLM01: the provider's account number, as it is answered.")]
    status: Annotated[
        Literal["received", "accepted", "rejected"],
        Meta(description="accepted: into adjudication; rejected: must be corrected and sent again; received: neither yet."),
    ]
    source: Annotated[Literal["999", "277CA", "277"], Meta(description="What kind of answer it is.")]
    acknowledged_on: Annotated[date, Meta(description="The day that the answer gives, else that of its receipt.")]
    received_at: Annotated[datetime, Meta(tz=True, description="When ingest booked it; UTC.")]
    claim_id: Annotated[UUID | None, Meta(description="The claim that it answers; absent while it is not known.")] = None
    interchange_id: Annotated[UUID | None, Meta(description="The file that brought it.")] = None
    payer_id: Annotated[str, Meta(description="The payer's id; empty where the answer gives none.")] = ""
    payer_name: Annotated[str, Meta(description="The payer: an organisation.")] = ""
    payer_claim_control_number: Annotated[
        str, Meta(description="REF*1K: the payer's number of the claim; empty before it has one.")
    ] = ""
    charge_cents: Annotated[int | None, Meta(description="The charge that is answered; cents.")] = None
    statuses: Annotated[tuple[AcknowledgedStatus, ...], Meta(description="What it says, the first 500.")] = ()
