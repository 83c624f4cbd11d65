"""`records.requested`: a payer asks for documents before it decides a claim (a 277 of the edition 006020X313)."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "records.requested"
TYPE = "recours.records.requested.v1"


class AskedCode(Struct, frozen=True, gc=False, omit_defaults=True):
    """One thing that is asked for."""

    category: Annotated[str, Meta(description="The category of the request (R0, R4, ...), an opaque key.")]
    code: Annotated[str, Meta(description="What is asked for: a LOINC code as a rule, an opaque key.")]
    code_list: Annotated[str | None, Meta(description="The list that the code is of; LOI is LOINC. Absent: none was named.")] = None
    line_control_number: Annotated[
        str | None, Meta(description="REF*6R of the claim's line that it is about; absent: the claim, or a line without one.")
    ] = None


class RecordsRequestedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """One request. Key: `claim_key`. Sequence: the version of the account that it names."""

    request_id: Annotated[
        UUID,
        Meta(description="UUIDv5 of tenant, payer, trace, claim, what is asked and the last day: sent again it is the same."),
    ]
    claim_key: Annotated[UUID, Meta(description="Routes: the account number that the request echoes.")]
    interchange_id: Annotated[UUID, Meta(description="The file that brought it.")]
    payer_id: Annotated[str, Meta(description="The payer's identifier in the request; empty where it gives none.")]
    payer_name: Annotated[str, Meta(description="The payer's name: an organisation.")]
    trace: Annotated[str, Meta(description="TRN02, which the answer returns; empty where the payer gives none.")]
    payer_claim_control_number: Annotated[str, Meta(description="REF*1K, else the trace.")]
    codes: Annotated[tuple[AskedCode, ...], Meta(description="What is asked for, in the file's order; 500 at most.")]
    received_at: Annotated[datetime, Meta(tz=True, description="When the file came; UTC.")]
    due_on: Annotated[date | None, Meta(description="The last day for the answer; absent: the payer names none.")] = None
    claim_id: Annotated[UUID | None, Meta(description="The claim that is meant; absent: not known, or not surely one.")] = None
