"""`claim.acknowledged`: what the front door of a payer or clearinghouse says of a claim, by 999 or 277CA, before it is adjudicated.

A rejection is no denial: the claim never reached adjudication and has to be corrected and sent again. Codes are opaque keys.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

TOPIC = "claim.acknowledged"
TYPE = "recours.claim.acknowledged.v1"


class AcknowledgedStatus(Struct, frozen=True, gc=False, omit_defaults=True):
    """One status: category (A1, A2, A7, ...), status and entity code of a 277CA, or the codes of a 999's error.

    `line` is the number of the claim's line that it speaks of; absent for the claim.
    """

    category: str
    code: str
    entity: str | None = None
    line: int | None = None


class ClaimAcknowledgedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """The data of `recours.claim.acknowledged.v1`. Key: `claim_key`. Sequence: the version of the account (`claim_key`).

    `acknowledgement_id` names this answer: the same 277CA read again is the same one. `claim_id` is absent when
    the claim is not known.
    """

    acknowledgement_id: UUID
    claim_key: UUID
    patient_control_number: str
    status: Literal["received", "accepted", "rejected"]
    source: Literal["999", "277CA", "277"]
    acknowledged_on: date
    received_at: datetime
    claim_id: UUID | None = None
    interchange_id: UUID | None = None
    payer_id: str = ""
    payer_name: str = ""
    payer_claim_control_number: str = ""
    charge_cents: int | None = None
    statuses: tuple[AcknowledgedStatus, ...] = ()
