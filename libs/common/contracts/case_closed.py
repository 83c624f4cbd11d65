"""`case.closed`: nothing more is done about a denial: written off, billed to somebody else, withdrawn, or its deadline has passed.

A case that is taken up again, or that the payer decides all the same, is told again without `closed_as`.
The descriptions of the fields are published: `make docs` writes them into docs/events.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "case.closed"
TYPE = "recours.case.closed.v1"

ClosedAs = Literal["written_off", "billed_to_patient", "billed_to_other_payer", "withdrawn", "expired"]


class CaseClosedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """How a case stands closed, or that it no longer is. Key: `claim_key`. Sequence: the case's version; the highest holds."""

    case_id: Annotated[UUID, Meta(description="The case.")]
    denial_id: Annotated[UUID, Meta(description="The denial that it is about.")]
    remit_id: Annotated[UUID, Meta(description="The remit that was denied.")]
    claim_key: Annotated[
        UUID, Meta(description="Routes: tenant and normalised patient control number; it does not identify a claim.")
    ]
    payer_id: Annotated[str, Meta(description="TRN03 of the denied remit; empty where the payer gives none.")]
    payer_name: Annotated[str, Meta(description="N102 of the payer: an organisation.")]
    category: Annotated[str, Meta(description="The denial's category; treat an unknown one as `other`.")]
    left_cents: Annotated[int, Meta(description="What was denied, less what outcomes have brought by then; cents, 0 at least.")]
    closed_on: Annotated[date, Meta(description="The day (UTC) of the step that this tells of.")]
    closed_at: Annotated[datetime, Meta(tz=True, description="The same, to the moment; UTC.")]
    closed_as: Annotated[
        ClosedAs | None,
        Meta(
            description="`written_off`: given up; `billed_to_patient`, `billed_to_other_payer`: somebody else is to pay;"
            " `withdrawn`: nobody can or will pursue it; `expired`: its last day passed; absent: it is closed no more."
        ),
    ] = None
