"""`remit.matched`: which claim a remit answers has become known, or has changed, after its `remit.received` was sent.

A remit whose claim is known when it comes carries `claim_id` in `remit.received`, and nothing is said here.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "remit.matched"
TYPE = "recours.remit.matched.v1"


class RemitMatchedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """The claim of a remit. Key: the remit's `claim_key`. Sequence: the version of the account that it names."""

    remit_id: Annotated[UUID, Meta(description="The remit of an earlier `remit.received`.")]
    remittance_id: Annotated[UUID, Meta(description="The payment that holds it.")]
    claim_key: Annotated[UUID, Meta(description="Routes: the account number that the remit echoes.")]
    decided_by: Annotated[Literal["score", "person"], Meta(description="A score over what both sides say, or a person.")]
    matched_at: Annotated[datetime, Meta(tz=True, description="When it was decided; UTC.")]
    claim_id: Annotated[
        UUID | None, Meta(description="The claim that the remit answers; absent: none of the known ones, or not to be told.")
    ] = None
